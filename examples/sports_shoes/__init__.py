"""What each family of remedies wins back for one class that has become rare, and what others pay for it."""
