"""The plan database of a submission: its layers by what they are, measured by the spatial tools."""
