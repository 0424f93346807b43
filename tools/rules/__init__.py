"""Rules of territorial planning as data: YAML beside its loader, predicates as small functions."""
