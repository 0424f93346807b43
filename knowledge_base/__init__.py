"""From files and law packages to cited, valid, permitted passages."""
