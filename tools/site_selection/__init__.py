"""Site selection: constraints and weighted criteria to ranked candidate polygons with reasons."""
