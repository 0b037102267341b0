"""What learns from judgements how to order what a search finds."""
