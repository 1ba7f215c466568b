"""Turned faces for directions of pose and gaze: the heads turn as told, the set says by how much, directions come of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import ASTRONAUT

torch = pytest.importorskip("torch")

from mimica.data.dataset import DatasetWriter  # noqa: E402
from mimica.engines.base import load_engine  # noqa: E402
from mimica.engines.stylegan.codec import Codec, read_pictures  # noqa: E402
from mimica.engines.stylegan.encoder import Encoder  # noqa: E402
from mimica.engines.stylegan.latents import open_latents  # noqa: E402
from mimica.engines.stylegan.model import Model, fingerprint  # noqa: E402
from mimica.engines.stylegan.networks import GENERATOR_KIND, Generator  # noqa: E402
from mimica.errors import DataError  # noqa: E402
from mimica.face.align import crop_from_photo, cut  # noqa: E402
from mimica.model_files.checkpoint import Weights, module_tensors  # noqa: E402
from mimica.prepare import poses  # noqa: E402
from mimica.prepare.poses import TURNS, pose_latents, turned  # noqa: E402
from mimica.reader.read import Reader  # noqa: E402

READER = Reader(threads=1)


@pytest.fixture(scope="module")
def crop(astronaut: np.ndarray) -> np.ndarray:
    return cut(astronaut, crop_from_photo(ASTRONAUT, 256, "ffhq"), 256)


@pytest.fixture(scope="module")
def codec() -> Codec:
    torch.manual_seed(0)
    generator = Generator(64, 8, 8, 0, channel_base=128, channel_max=8).eval().requires_grad_(False)
    encoder = Encoder(generator.synthesis.num_ws, 8, width=2, hidden=16).eval().requires_grad_(False)
    weights = Weights(GENERATOR_KIND, 1, (), generator.config, module_tensors(generator))
    made = Codec(Model(generator, fingerprint(weights), encoder))
    made.image_size = 256
    return made


def test_heads_and_eyes_turn_as_told(crop: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poses, "TURNS", ({}, {"yaw": 14}, {"yaw": -14}, {"pitch": 10}, {"gaze_x": 14}))
    (reading,) = read_pictures(crop[None], READER)
    crops = dict(turned(crop, reading, load_engine(), READER))
    seen = dict(zip(crops, read_pictures(np.stack(list(crops.values())), READER), strict=True))
    assert seen[1].yaw - seen[0].yaw > 8 and seen[2].yaw - seen[0].yaw < -8
    assert seen[3].pitch - seen[0].pitch > 5 and seen[4].gaze_x - seen[0].gaze_x > 5
    assert all(one.shape == (256, 256, 3) for one in crops.values())


def test_the_set_says_by_how_much(codec: Codec, crop: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = ({}, {"yaw": 9}, {"gaze_y": -8, "pitch": 4})
    monkeypatch.setattr(poses, "TURNS", turns)
    (tmp_path / "set").mkdir()
    with DatasetWriter(tmp_path / "set", "one", 256, ("AU12",), crop="ffhq") as writer:
        writer.add(crop, {"AU12": 0.5}, "eileen", "eileen")
        writer.add(np.zeros_like(crop), {"AU12": 0.5}, "nobody", "nobody")
        writer.add(crop, {"AU12": 0.5}, "copy", "eileen", "happy", "eileen")
    report = pose_latents(codec, tmp_path / "posed", folder=tmp_path / "set", reader=READER)
    latents = open_latents(tmp_path / "posed", codec.fingerprint)
    assert report.kept == len(latents) == 3 and len(report.dropped) == 1, "the copy with another expression is no photo"
    for column, away in (("yaw", [0, 9, 0]), ("pitch", [0, 0, 4]), ("gaze_y", [0, 0, -8]), ("gaze_x", [0, 0, 0])):
        values = latents.column(column)
        assert values - values[0] == pytest.approx(away, abs=1e-4)
    assert set(latents.subjects) == {"eileen"} and latents.names[1] == "eileen_t1" and np.isfinite(latents.values).all()


def test_of_samples_too_and_without_a_face_it_is_refused(codec: Codec, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no face"):
        pose_latents(codec, tmp_path / "posed", sample=2, reader=READER)
    assert not (tmp_path / "posed").exists()


def test_all_turns_are_within_what_the_engine_can() -> None:
    assert all(abs(angle) <= 16 for turn in TURNS for angle in turn.values()) and TURNS[0] == {}
