"""The indicator library (指标库): definitions as YAML; a formula graph or one function each."""
