"""The commuting table, which goes with the layers."""

from tools.demo_county.commuting_table import commuting_csv

__all__ = ["commuting_csv"]
