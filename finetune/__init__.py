"""Datasets, training recipes and export of the planning model."""
