"""evenshelf: measure the imbalance of a shop, compare every remedy for it, keep the winner."""
