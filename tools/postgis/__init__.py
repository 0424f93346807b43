"""Layers that lie in PostGIS: read as GeoPackage layers are, through the index, never as a whole."""
