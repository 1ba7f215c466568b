"""Lists of seeds as people write them."""

from __future__ import annotations

import re

from mimica.errors import ValueRangeError

MAX_SEEDS = 10_000


def parse_seeds(text: str) -> list[int]:
    """ "1-3,7" -> [1, 2, 3, 7]. Raises `ValueRangeError`."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:\s*-\s*(\d{1,10}))?\s*", part, re.ASCII)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < 2**32 or last - first + len(seeds) >= MAX_SEEDS:
            raise ValueRangeError(
                f"'{part.strip()}' names no seeds: write numbers and ranges such as 1-8,12, below 2^32 and {MAX_SEEDS} at most."
            )
        seeds += range(first, last + 1)
    return seeds
