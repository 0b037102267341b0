"""Studies: trials, their runner, statistics and verdict."""
