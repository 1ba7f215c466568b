"""What reading a file that others wrote may take. A few bytes can ask for endless work; nothing is believed that is larger than
the file."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any


class RefusedError(Exception):
    """What is wrong with a foreign file, as the end of a sentence that begins with its name."""


class Budget:
    """What reading one pickle of `size` bytes may take.

    units    of about 64 bytes of memory: 8 million, and one for every 4 bytes of the file
    items    copied from one container into another: as many as the file has bytes
    nodes    of the value when it is walked as a tree, where whatever is referred to twice counts twice: 100,000, and 16 a byte
    seconds  5, and 4 for every million bytes
    """

    def __init__(self, size: int) -> None:
        self.units, self.items, self.nodes = 8_000_000 + size // 4, size, 100_000 + 16 * size
        self.end = time.monotonic() + 5 + size * 4e-6
        self._looks = 0

    def take(self, units: int) -> None:
        """Count an instruction."""
        self.units -= units
        self._looks += 1
        if self.units < 0:
            raise RefusedError("is refused: it asks for more memory than a file of its size needs")
        if not self._looks & 1023:
            self.look()

    def look(self) -> None:
        """At the clock."""
        if time.monotonic() > self.end:
            raise RefusedError("is refused: it asks for more work than a file of its size needs")

    def copy(self, values: Iterable[Any]) -> list[Any]:
        """The values as a list, counted while they are taken out."""
        copied = []
        for value in values:
            self.items -= 1
            if self.items < 0:
                raise RefusedError("is refused: it copies more items than a file of its size needs")
            copied.append(value)
        return copied
