"""Deterministic hands of the agents: they decide, the model explains."""
