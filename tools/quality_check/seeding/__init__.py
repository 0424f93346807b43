"""Clean plan databases and known defects planted in them: what the quality check is measured on."""
