"""Quantities of planning text: value, unit, bound, change, year, scope and subject of each number."""
