"""Language models tuned to the labels of a shop, as learners."""
