"""Learners: what fits scores for a task under a remedy."""
