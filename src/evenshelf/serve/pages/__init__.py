"""What browsers load from the service."""
