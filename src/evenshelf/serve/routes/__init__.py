"""The endpoints of the service, one module for each thing that is asked."""
