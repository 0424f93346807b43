"""The operator library (算子库): a YAML file and one function each; geometry, rasters, numbers."""
