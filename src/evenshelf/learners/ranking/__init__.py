"""Learners that rank items for users by their histories."""
