"""Base maps and base figures of an area: clip, filter, desensitise, export, count."""
