"""Scripts to start from, and two longer examples: `python -m examples.classic_recipe`, `... .sports_shoes`."""
