"""Looking at what was refused, taking it back, and what changed between revisions."""
