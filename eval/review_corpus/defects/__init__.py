"""How each kind of defect is put into a clean text; a module for each group of kinds."""
