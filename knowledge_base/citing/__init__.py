"""Checking quotes, figures and references, and the graph of what cites what."""
