"""Random fields that depend on place and seed alone, so that any part can be made on its own."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def _mix(h: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # The finaliser of splitmix64 (Steele, Lea, Flood 2014).
    h = (h ^ (h >> np.uint64(30))) * _MIX_1
    h = (h ^ (h >> np.uint64(27))) * _MIX_2
    return h ^ (h >> np.uint64(31))


def hash01(seed: int, salt: int, *keys: ArrayLike) -> Floats:
    """Return numbers in [0, 1) that depend on the seed, the salt and the integer keys alone.

    Args:
        seed: Seed of the county.
        salt: What the numbers are for; other salts give independent numbers.
        keys: Integer arrays, broadcast against each other.
    """
    h = _mix(np.full((1,), seed * 1_000_003 + salt, np.int64).astype(np.uint64) + _GOLDEN)
    for key in keys:
        h = _mix(h + _GOLDEN + np.asarray(key).astype(np.int64).astype(np.uint64))
    return np.asarray((h >> np.uint64(11)).astype(np.float64) / float(1 << 53))


@dataclass(frozen=True)
class Fractal:
    """Smooth value noise, summed over octaves; values lie in about [-1, 1].

    Attributes:
        wavelength: Lattice spacing of the first octave, m.
        octaves: Number of octaves, each of half the wavelength and half the weight.
    """

    seed: int
    salt: int
    wavelength: float
    octaves: int = 3

    def __call__(self, x: Floats, y: Floats) -> Floats:
        """Evaluate at metric coordinates of any shape."""
        total = np.zeros(np.broadcast(x, y).shape)
        weight, norm, spacing = 1.0, 0.0, self.wavelength
        for octave in range(self.octaves):
            turn = 0.61 + 1.3 * octave + self.salt  # no two lattices show the same grain
            c, s = math.cos(turn) / spacing, math.sin(turn) / spacing
            total += weight * self._octave(c * x - s * y, s * x + c * y, octave)
            norm += weight
            weight, spacing = weight / 2, spacing / 2
        return np.asarray(total / norm)

    def _octave(self, u: Floats, v: Floats, octave: int) -> Floats:
        i, j = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        s, t = u - i, v - j
        s, t = s * s * s * (s * (6 * s - 15) + 10), t * t * t * (t * (6 * t - 15) + 10)
        corners = self._nodes(i, j, octave)
        low = corners[0] * (1 - s) + corners[1] * s
        high = corners[2] * (1 - s) + corners[3] * s
        return np.asarray(low * (1 - t) + high * t)

    def _nodes(
        self, i: NDArray[np.int64], j: NDArray[np.int64], octave: int
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Values at the four nodes around each place."""
        salt = self.salt * 16 + octave
        shifts = ((0, 0), (1, 0), (0, 1), (1, 1))
        west, south = (int(i.min()), int(j.min())) if i.size else (0, 0)
        columns = int(i.max()) + 2 - west if i.size else 0
        rows = int(j.max()) + 2 - south if i.size else 0
        if columns * rows > i.size:  # few places far apart: no table
            found = [hash01(self.seed, salt, i + di, j + dj) * 2 - 1 for di, dj in shifts]
        else:
            x, y = np.arange(west, west + columns), np.arange(south, south + rows)
            table = hash01(self.seed, salt, x[:, None], y[None]) * 2 - 1
            found = [table[i + (di - west), j + (dj - south)] for di, dj in shifts]
        return found[0], found[1], found[2], found[3]


@dataclass(frozen=True)
class Warp:
    """A smooth bend of the plane: it curves lines and cannot fold them over.

    Each scale is (amplitude m, wavelength m). The sum of amplitude * 2 pi / wavelength has to stay
    below 1, then the bend moves near points less apart than they are and stays one-to-one.
    """

    seed: int
    salt: int
    scales: tuple[tuple[float, float], ...]
    waves: int = 3

    def __post_init__(self) -> None:
        assert sum(2 * math.pi * a / length for a, length in self.scales) < 1, "the warp folds"

    def __call__(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return the bent coordinates."""
        dx, dy = np.zeros(np.broadcast(x, y).shape), np.zeros(np.broadcast(x, y).shape)
        for amplitude, kx, ky, phase_x, phase_y in _waves(self):
            phase = kx * x + ky * y
            dx += amplitude * np.sin(phase + phase_x)
            dy += amplitude * np.sin(phase + phase_y)
        return np.asarray(x + dx), np.asarray(y + dy)


@cache
def _waves(warp: Warp) -> tuple[tuple[float, float, float, float, float], ...]:
    """Amplitude, wave vector and the two phases of each wave of a warp."""
    found = []
    for n, (amplitude, wavelength) in enumerate(warp.scales):
        for wave in range(warp.waves):
            a, b, c, d = hash01(warp.seed, warp.salt, n, wave, np.arange(4)).tolist()
            k = 2 * np.pi / (wavelength * (0.8 + 0.5 * b))
            east, north = float(np.cos(2 * np.pi * a)), float(np.sin(2 * np.pi * a))
            found.append(
                (amplitude / warp.waves, k * east, k * north, 2 * np.pi * c, 2 * np.pi * d)
            )
    return tuple(found)


def smoothstep(low: float | Floats, high: float | Floats, value: Floats) -> Floats:
    """Rise from 0 at `low` to 1 at `high` without a kink."""
    t = np.clip((value - low) / (np.asarray(high) - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t))
