"""Yearly statistics, which go with the layers as a table."""

from tools.demo_county.yearly_statistics import statistics_csv

__all__ = ["statistics_csv"]
