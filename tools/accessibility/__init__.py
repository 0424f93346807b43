"""Accessibility on a street network: distances, service areas, coverage, commuting; never circles."""
