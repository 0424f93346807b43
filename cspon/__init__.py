"""The kernel: contracts, settings, errors, the registry and the command line."""

__version__ = "0.1.0"
