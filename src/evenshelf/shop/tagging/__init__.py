"""Tags of users, by rules over their events."""
