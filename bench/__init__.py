"""Every figure that the project claims, measured: one module a claim, each with its peers in the same run."""
