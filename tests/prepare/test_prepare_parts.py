"""`prepare` in parts: joined, they are the data set that one run makes, byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimica.errors import UserError
from mimica.jobs.shards import Processes, Share
from mimica.pictures.images import write_image
from mimica.prepare import faces
from mimica.prepare.parts import is_prepared, join, prepare_parts
from mimica.reader.read import FaceReading


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven crops, one damaged; the reader is a stand-in."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(7):
        write_image(folder / f"{number}.png", np.random.default_rng(number).integers(0, 255, (64, 64, 3), np.uint8))
    (folder / "3.png").write_bytes(b"no photo")

    class Read:
        mean_action_units = dict.fromkeys(faces.AU_NAMES, 0.25)

    def largest(self: faces.Cropper, photo: np.ndarray) -> FaceReading:
        return Read()  # type: ignore[return-value]

    monkeypatch.setattr(faces.Cropper, "_largest", largest)
    return folder


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_parts_joined_are_the_data_set(photos: Path, tmp_path: Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    report = faces.prepare("folder", photos, tmp_path / "one", size=32, as_is=True)
    for first in (2, 1):
        prepare_parts("folder", photos, tmp_path / "parts", size=32, as_is=True, part=2, format=form, driver=Share(1, first, 2))
    assert is_prepared(tmp_path / "parts")
    joined = join(tmp_path / "parts", tmp_path / "joined")
    assert (joined.kept, joined.reasons) == (report.kept, report.reasons) and joined.kept == 6
    one, other = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "joined"))
    assert one == other


def test_a_missing_part_is_told(photos: Path, tmp_path: Path) -> None:
    prepare_parts("folder", photos, tmp_path / "parts", size=32, as_is=True, part=2, format="csv", driver=Processes(), limit=5)
    (tmp_path / "parts" / "part-00001.csv").unlink()
    with pytest.raises(UserError, match="1 are missing"):
        join(tmp_path / "parts", tmp_path / "joined")
    assert not (tmp_path / "joined").exists()
