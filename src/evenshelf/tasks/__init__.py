"""Questions asked of a shop: which examples, which target, which metrics, how to split."""
