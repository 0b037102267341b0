"""A language model tuned to what is taken together: texts of items that the same users take come near each other."""
