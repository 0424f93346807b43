"""What checks look for: one YAML a check, its function in a module of this folder."""
