"""`mimica evaluate restoring` on two people: figures by kind, and the sheet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bright_mouth import ASTRONAUT
from typer.testing import CliRunner

from mimica.cli import app
from mimica.data.dataset import DatasetWriter, is_validation
from mimica.evaluate import restoring
from mimica.face.align import crop_from_photo, cut
from mimica.pictures.images import read_photo


def test_figures_and_sheet(tmp_path: Path, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("64 px", "as it is", *restoring.OWN)
    monkeypatch.setattr(restoring, "SPOILT", {kind: restoring.SPOILT[kind] for kind in kinds})
    name = next(f"p{i}" for i in range(100) if is_validation(f"p{i}"))
    (tmp_path / "set").mkdir()
    with DatasetWriter(tmp_path / "set", "one", 256, ("AU12",), crop="ffhq") as writer:
        writer.add(cut(astronaut, crop_from_photo(ASTRONAUT, 256, "ffhq"), 256), {"AU12": 0.5}, name, name)
    report = restoring.evaluate([cut(astronaut, crop_from_photo(ASTRONAUT, 256, "ffhq"), 256)])
    assert report.sheet(1, ["64 px"]).ndim == 3
    words = ["evaluate", "restoring", "--data", str(tmp_path / "set"), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert rows["64 px"]["psnr after"] > rows["64 px"]["psnr before"] + 0.3
    assert rows["64 px"]["sharpness after"] > 1.5 * rows["64 px"]["sharpness before"]
    assert rows["as it is"]["sharpness before"] == 1.0
    back = rows["given back by the VAE"]
    assert back["psnr before"] > 20 and back["sharpness after"] > 2 * back["sharpness before"], "by the network of its own"


def test_the_sheet_is_written(tmp_path: Path, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    crop = cut(astronaut, crop_from_photo(ASTRONAUT, 256, "ffhq"), 256)
    pictures = {kind: [(crop, crop)] for kind in restoring.SPOILT}
    rows = {"64 px": {"psnr before": 1.0}}
    monkeypatch.setattr(restoring, "evaluate", lambda crops, progress: restoring.Report(rows, [crop], pictures))
    monkeypatch.setattr("mimica.evaluate.drawing.held_out", lambda *arguments: ([crop], ["a"]))
    done = CliRunner().invoke(app, ["evaluate", "restoring", "--data", "x", "--sheet", str(tmp_path / "s.png")])
    assert done.exit_code == 0 and "| 64 px | 1.00 |" in done.stdout
    assert read_photo(tmp_path / "s.png").rgb.shape[1] > 256 * 7
