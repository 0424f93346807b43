"""Two versions of a plan compared: what was added, removed, moved or given another code."""
