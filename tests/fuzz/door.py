"""What a door is: small valid inputs, and what opens them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutators import mutated

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@dataclass
class Door:
    """`seeds`: valid inputs by the name of the file that they stand in; `open` gets that file's path. Other files of a data set
    lie beside it (`beside`)."""

    seeds: dict[str, bytes]
    open: Callable[[Path], Any]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    change: Callable[[random.Random, bytes], bytes] = mutated


def saved(write: Callable[[Path], Any], name: str, folder: Path) -> bytes:
    write(folder / name)
    return (folder / name).read_bytes()
