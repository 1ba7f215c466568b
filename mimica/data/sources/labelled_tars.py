"""Tars of aligned 160 px crops with a labels.parquet beside them: what the sets `faces` and `reanimated` have in common."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimica.errors import DataError, MissingExtraError, UserError
from mimica.facs import AU_NAMES

if TYPE_CHECKING:
    import pandas
from mimica.data.sources.base import Dropped, Found, RawFace


def _labels(folder: Path) -> pandas.DataFrame:
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("Reading labels.parquet needs pandas and pyarrow: pip install 'mimica[train]'.") from error
    path = folder / "labels.parquet"
    if not path.is_file():
        raise DataError(f"{folder} has no labels.parquet.")
    return pandas.read_parquet(path)


def crops_in_tars(folder: Path, pattern: str, make: Callable[[Any, bytes], RawFace]) -> Found:
    """The crops of the tars in their order, each with its row."""
    rows = {row.file: row for row in _labels(folder).itertuples()}
    for path in sorted(folder.glob(pattern)):
        try:
            with tarfile.open(path) as tar:
                for member in tar:
                    content = tar.extractfile(member)
                    if member.name in rows and content is not None:
                        yield make(rows.pop(member.name), content.read())
        except (tarfile.TarError, OSError) as error:
            raise UserError(f"The archive {path} cannot be read: {error}.") from error
    for name in rows:
        yield Dropped(name, "in the table, not in the archives")


def units_of(row: Any) -> dict[str, float]:
    values = {name: float(getattr(row, name.lower())) for name in AU_NAMES}
    return {name: value for name, value in values.items() if value == value}
