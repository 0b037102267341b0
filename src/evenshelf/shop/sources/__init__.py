"""What rows are read from: files of many kinds, archives, folders, databases."""
