"""Checks that need a model: rules find what may be wrong, the model says whether it is."""
