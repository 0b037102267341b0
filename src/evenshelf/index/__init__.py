"""Search in process: what is kept of the items of a shop so that a query finds them."""
