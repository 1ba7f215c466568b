"""Codec and latent data sets from pictures, with a tiny random generator and a reader that says what it is told to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bright_mouth import reading

torch = pytest.importorskip("torch")

from mimica.data.dataset import DatasetWriter  # noqa: E402
from mimica.engines.stylegan.codec import Codec, read_pictures  # noqa: E402
from mimica.engines.stylegan.encoder import Encoder  # noqa: E402
from mimica.engines.stylegan.latents import READ_COLUMNS, open_latents  # noqa: E402
from mimica.engines.stylegan.model import Model, fingerprint  # noqa: E402
from mimica.engines.stylegan.networks import GENERATOR_KIND, Generator  # noqa: E402
from mimica.errors import DataError, WeightsError  # noqa: E402
from mimica.facs import AU_NAMES  # noqa: E402
from mimica.model_files.checkpoint import Weights, module_tensors  # noqa: E402
from mimica.prepare.latents import project_latents, sample_latents  # noqa: E402
from mimica.reader.read import FaceReading  # noqa: E402


def tiny_model(encoder: bool = True) -> Model:
    torch.manual_seed(0)
    generator = Generator(64, 8, 8, 0, channel_base=128, channel_max=8).eval().requires_grad_(False)
    network = Encoder(generator.synthesis.num_ws, 8, width=2, hidden=16)
    torch.nn.init.normal_(network.changes.weight, std=0.1)
    weights = Weights(GENERATOR_KIND, 1, (), generator.config, module_tensors(generator))
    return Model(generator, fingerprint(weights), network.eval().requires_grad_(False) if encoder else None)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(tiny_model())


class FakeReader:
    """Sees a face in all pictures but very dark ones; AU12 is how bright they are."""

    def read(self, photo: np.ndarray, boxes: list[object]) -> list[FaceReading]:
        assert len(boxes) == 1
        level = float(photo.mean()) / 255
        units = dict.fromkeys(reading().action_units, level)
        return [replace(reading(), confidence=float(level > 0.05), action_units=units)]


def test_pictures_and_codes(codec: Codec) -> None:
    codes = codec.sample(40, seed=1)
    assert codes.shape == (40, 1, 8) and np.array_equal(codes, codec.sample(40, seed=1))
    pictures = codec.decode(codes)
    assert pictures.shape == (40, 64, 64, 3) and pictures.dtype == np.uint8
    w_plus = np.repeat(codes, codec.num_ws, axis=1)
    assert np.array_equal(codec.decode(w_plus[:3]), pictures[:3])
    levels = codec.decode_levels(codes[:2])
    assert np.abs(np.clip(np.rint(levels), 0, 255) - pictures[:2]).max() <= 1
    assert codec.encode(pictures[:5]).shape == (5, codec.num_ws, 8)
    large = np.repeat(np.repeat(pictures[:1], 3, axis=1), 3, axis=2)
    assert np.allclose(codec.encode(large), codec.encode(pictures[:1]), atol=1e-5)


def test_truncation_pulls_to_the_mean(codec: Codec) -> None:
    mean = codec.model.generator.mapping.w_average.numpy()
    assert np.allclose(codec.sample(4, 0, truncation=0.0), mean, atol=1e-6)


def test_a_search_comes_nearer(codec: Codec) -> None:
    wanted = codec.decode(codec.sample(2, seed=50))

    def error(codes: np.ndarray) -> float:
        return float(np.abs(codec.decode_levels(codes) - wanted).mean())

    assert error(codec.search(wanted, 30)) < 0.8 * error(codec.encode(wanted))
    with pytest.raises(WeightsError, match="no encoder"):
        Codec(tiny_model(encoder=False)).encode(wanted)


def test_the_box_is_where_the_crop_puts_the_face(astronaut: np.ndarray) -> None:
    from bright_mouth import ASTRONAUT

    from mimica.face.align import crop_from_photo, cut, transform
    from mimica.reader.read import Reader

    matrix = crop_from_photo(ASTRONAUT, 128, "ffhq")
    crop = cut(astronaut, matrix, 128)
    (seen,) = read_pictures(crop[None], Reader(threads=1))
    apart = np.linalg.norm(seen.landmarks_photo - transform(ASTRONAUT, matrix), axis=1).mean()
    assert seen.confidence > 0.9 and apart / seen.eye_distance < 0.08
    (nothing,) = read_pictures(np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8), Reader(threads=1))
    assert nothing.confidence < 0.5


# --- data sets ------------------------------------------------------------------------------------------------------


def test_sampling(tmp_path: Path, codec: Codec) -> None:
    report = sample_latents(codec, 20, tmp_path / "set", seed=3, reader=FakeReader())  # type: ignore[arg-type]
    latents = open_latents(tmp_path / "set", codec.fingerprint)
    assert report.kept == len(latents) == 20 - len(report.dropped) and latents.space == "w"
    assert latents.columns == READ_COLUMNS and len(set(latents.subjects)) == len(latents)
    pictures = codec.decode(latents.codes)
    assert np.allclose(latents.column("AU12"), pictures.mean((1, 2, 3)) / 255, atol=1e-6)


def _faces(folder: Path, count: int, crop: str = "ffhq") -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir()
    with DatasetWriter(folder, "made up", 96, AU_NAMES, crop=crop) as writer:
        for i in range(count):
            picture = np.full((96, 96, 3), 10 if i == 4 else rng.integers(60, 200), np.uint8)
            writer.add(picture, dict.fromkeys(AU_NAMES, i / 100), f"face {i}", f"person {i % 3}", "anger" if i % 2 else "")
    return folder


def test_projecting_a_prepared_set_goes_on_where_it_stopped(
    tmp_path: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = _faces(tmp_path / "faces", 11)
    monkeypatch.setattr("mimica.prepare.latents.PROJECTED_AT_ONCE", 3)
    looked: list[int] = []
    encode = codec.encode

    def failing(pictures: np.ndarray, stop: int = 2) -> np.ndarray:
        if len(looked) == stop:
            raise KeyboardInterrupt
        looked.append(len(pictures))
        return encode(pictures)

    monkeypatch.setattr(codec, "encode", failing)
    arguments = {"reader": FakeReader()}
    with pytest.raises(KeyboardInterrupt):
        project_latents(codec, faces, tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert (tmp_path / "out.part").exists() and not (tmp_path / "out").exists()
    monkeypatch.setattr(codec, "encode", lambda pictures: (looked.append(len(pictures)), encode(pictures))[1])
    report = project_latents(codec, faces, tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert sum(looked) == 11 and looked[:2] == [3, 3], "nothing is projected twice"
    assert report.kept == 10 and [one.name for one in report.dropped] == ["face 4"]
    assert not (tmp_path / "out.part").exists()
    latents = open_latents(tmp_path / "out", codec.fingerprint)
    assert latents.space == "w_plus" and latents.names[:5] == ("face 0", "face 1", "face 2", "face 3", "face 5")
    assert np.allclose(latents.column("AU12"), [i / 100 for i in range(11) if i != 4]), "the set's own labels win"
    assert latents.emotions[1] == "anger" and latents.subjects[3] == "person 0"
    assert np.isfinite(latents.column("yaw")).all(), "the reader measures the rest"


def test_a_search_is_asked_for(tmp_path: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    faces, seen = _faces(tmp_path / "faces", 3), []

    def search(pictures: np.ndarray, steps: int) -> np.ndarray:
        seen.append((pictures.shape, steps))
        return codec.encode(pictures) + 1

    monkeypatch.setattr(codec, "search", search)
    project_latents(codec, faces, tmp_path / "a", reader=FakeReader())  # type: ignore[arg-type]
    project_latents(codec, faces, tmp_path / "b", steps=7, reader=FakeReader())  # type: ignore[arg-type]
    assert seen == [((3, 64, 64, 3), 7)]
    assert np.allclose(open_latents(tmp_path / "b").codes, open_latents(tmp_path / "a").codes + 1)


def test_what_cannot_be_projected(tmp_path: Path, codec: Codec) -> None:
    for folder, said in ((_faces(tmp_path / "tight", 2, "tight"), "tight crops"), (tmp_path, "prepare ffhq")):
        with pytest.raises(DataError, match=said):
            project_latents(codec, folder, tmp_path / "out", reader=FakeReader())  # type: ignore[arg-type]
        assert not [p for p in tmp_path.iterdir() if p.name.startswith("out")], "nothing is left behind"
