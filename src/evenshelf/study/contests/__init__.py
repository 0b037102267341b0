"""What studies of lists and of searches have in common: learners and remedies that are tuned and fitted alike."""
