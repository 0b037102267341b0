"""What people did, sent by shops: checked, written once, read in order."""
