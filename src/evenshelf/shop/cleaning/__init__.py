"""Rules that find what cannot be used, in single rows and over a whole log."""
