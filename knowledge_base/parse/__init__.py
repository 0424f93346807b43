"""Files to plain text, one module a format."""
