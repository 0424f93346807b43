"""The layers of the demo county, one file a theme; a new file here is a new layer."""
