"""From the text of a title or a query to the tokens that are compared."""
