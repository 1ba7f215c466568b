"""Faces as the VAE gives them back: what is written, and the top that learns from it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from mimica.cli import app
from mimica.data.dataset import DatasetWriter, open_datasets
from mimica.engines.vae.edit import load_vae
from mimica.errors import DataError, ValueRangeError
from mimica.face.restore import ENTRY, crisper
from mimica.prepare.redrawn import prepare_redrawn


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("crops") / "data"
    folder.mkdir()
    crop = cv2.resize(astronaut[:256, 90:346], (128, 128), interpolation=cv2.INTER_AREA)
    with DatasetWriter(folder, "crops", 128, ("AU12",), crop="ffhq") as writer:
        writer.add(crop, {"AU12": 0.5}, "ann", "ann")
        writer.add(crop[:, ::-1].copy(), {"AU12": 1.0}, "ann_e0", "ann", "happy", "ann")
    return folder


def test_each_face_is_what_the_restoring_network_is_shown(data: Path, tmp_path: Path) -> None:
    words = ["prepare", "redrawn", str(data), "-o", str(tmp_path / "out"), "--size", "64"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    faces, made = open_datasets([data]), open_datasets([tmp_path / "out"])
    assert made.photos == faces.names == ("ann", "ann_e0") and made.subjects == faces.subjects
    assert made.emotions == ("", "happy") and np.array_equal(made.values, faces.values)
    codec = load_vae().codec
    given = faces.images([0], codec.image_size)
    decoded = codec.decode(codec.encode(given))[0][0]
    wanted = crisper(cv2.resize(decoded, (ENTRY, ENTRY), interpolation=cv2.INTER_AREA))
    assert np.abs(made.images([0], ENTRY)[0] - np.clip(wanted, 0, 255)).max() <= 1
    small = cv2.resize(given[0], (ENTRY, ENTRY), interpolation=cv2.INTER_AREA).astype(float)
    error = np.abs(made.images([0], ENTRY)[0] - small).mean()
    assert 1 < error < 25, "much like the face, and not the face"


def test_a_generators_body_gives_faces_back_too(data: Path, tmp_path: Path) -> None:
    words = [
        "prepare",
        "redrawn",
        str(data),
        "-o",
        str(tmp_path / "out"),
        "--size",
        "64",
        "--redrawn-by",
        "stylegan",
        "--limit",
        "1",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    made, face = open_datasets([tmp_path / "out"]).images([0], 64)[0], open_datasets([data]).images([0], 64)[0]
    assert 1 < np.abs(made.astype(float) - face).mean() < 40
    refused = CliRunner().invoke(app, [*words[:3], "-o", str(tmp_path / "no"), "--redrawn-by", "ganimation"])
    assert isinstance(refused.exception, ValueRangeError) and "vae or stylegan" in str(refused.exception)


def test_the_first_ones_alone_and_what_is_no_set(data: Path, tmp_path: Path) -> None:
    assert prepare_redrawn(data, tmp_path / "one", limit=1) == 1
    assert open_datasets([tmp_path / "one"]).photos == ("ann",)
    with pytest.raises(DataError, match="prepare"):
        prepare_redrawn(tmp_path, tmp_path / "none")
    assert not (tmp_path / "none").exists()
