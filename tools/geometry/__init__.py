"""Boundaries and areas: reading five formats, CGCS2000 projections, repair, ellipsoidal area."""
