"""Click models: each a module that registers what it fits."""
