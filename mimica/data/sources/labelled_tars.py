"""Tars of aligned 160 px crops with a labels.parquet beside them: what the sets `faces` and `reanimated` have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mimica.data.sources.base import Dropped, Found, RawFace
from mimica.facs import AU_NAMES
from mimica.foreign.archives import members
from mimica.foreign.tables import read_parquet


def crops_in_tars(folder: Path, pattern: str, make: Callable[[Any, bytes], RawFace]) -> Found:
    """The crops of the tars in their order, each with its row."""
    rows = {row.file: row for row in read_parquet(folder / "labels.parquet").itertuples()}
    for path in sorted(folder.glob(pattern)):
        for name, content in members(path):
            if name in rows:
                yield make(rows.pop(name), content)
    for name in rows:
        yield Dropped(name, "in the table, not in the archives")


def units_of(row: Any) -> dict[str, float]:
    values = {name: float(getattr(row, name.lower())) for name in AU_NAMES}
    return {name: value for name, value in values.items() if value == value}
