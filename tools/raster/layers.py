"""Layers and steps of a program while a plan is lowered."""

from typing import Literal

from cspon.errors import InputError
from tools.raster.program import Layer, Step

MAX_VALUE = 30_000


class Layers:
    """What is known so far: layers by name, and the steps that fill them."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.steps: list[Step] = []
        self.index: dict[str, int] = {}

    def layer(self, name: str, values: set[int], what: str) -> int:
        """Add a layer in the shortest type that holds its possible values.

        Raises:
            InputError: a value below 0 or over 30,000.
        """
        if max(values) > MAX_VALUE or min(values) < 0:
            raise InputError(f"{what}“{name}”的值可达 {max(values)}，超出 0–{MAX_VALUE}")
        dtype: Literal["uint8", "int16"] = "uint8" if max(values) <= 254 else "int16"
        self.layers.append(Layer(name, dtype, tuple(sorted(values))))
        self.index[name] = len(self.layers) - 1
        return len(self.layers) - 1

    def add(self, step: Step) -> int:
        """Add a step and return its number."""
        self.steps.append(step)
        return len(self.steps) - 1
