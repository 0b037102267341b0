"""How a shop is distributed, and what in it would make an evaluation lie."""
