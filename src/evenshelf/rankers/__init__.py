"""Fitted rankers: what scores items for users by their histories, in numbers alone, and what says why.

Learners make them, and bundles keep them. Nothing here can fit anything, so what serves a bundle needs no learner.
"""
