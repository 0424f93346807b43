"""Grids, graded factors and overlays of large rasters at the speed of memory.

`plan` holds the contract, `run` carries it out: strips of rows, one fused kernel, tiled COGs.
"""
