"""A filter that steadies what is measured frame by frame: slow where the value rests, fast where it moves.

Source: G. Casiez, N. Roussel, D. Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems", CHI 2012.
"""

from __future__ import annotations

import math

import numpy as np


class OneEuroFilter:
    """Steadies a vector over time; each element by itself.

    min_cutoff  Hz, the cutoff at rest: lower is steadier and slower
    beta        how much the cutoff rises with speed, Hz per (unit of the value / s): higher follows quick moves better
    d_cutoff    Hz, the cutoff of the speed itself

    `min_cutoff`, `beta` and `d_cutoff` are numbers or one per element.
    """

    def __init__(
        self, min_cutoff: float | np.ndarray = 1.0, beta: float | np.ndarray = 0.0, d_cutoff: float | np.ndarray = 1.0
    ) -> None:
        self.min_cutoff, self.beta, self.d_cutoff = min_cutoff, beta, d_cutoff
        self.reset()

    def reset(self) -> None:
        """Forgets everything: the next value passes as it is."""
        self._time = -math.inf
        self._value: np.ndarray | None = None
        self._speed: np.ndarray | float = 0.0

    @property
    def time(self) -> float:
        """Seconds, of the last value; minus infinity before the first."""
        return self._time

    def __call__(self, value: np.ndarray, time: float) -> np.ndarray:
        """`value` (N,) measured at `time` (seconds) -> steadied, float64 (N,). A value no later than the one before it
        cannot be filtered and starts the filter anew."""
        value = np.asarray(value, np.float64)
        elapsed = time - self._time
        if self._value is None or elapsed <= 0:
            self._speed = np.zeros_like(value)
            self._value = value
        else:
            speed = (value - self._value) / elapsed
            self._speed = self._speed + _smoothing(self.d_cutoff, elapsed) * (speed - self._speed)
            cutoff = self.min_cutoff + self.beta * np.abs(self._speed)
            self._value = self._value + _smoothing(cutoff, elapsed) * (value - self._value)
        self._time = time
        return self._value.copy()


def _smoothing(cutoff: float | np.ndarray, elapsed: float) -> float | np.ndarray:
    """The paper's alpha: the weight of the new value for a cutoff in Hz, `elapsed` seconds after the last one."""
    return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * np.asarray(cutoff) * elapsed))
