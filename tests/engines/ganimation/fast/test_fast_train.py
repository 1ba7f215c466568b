"""The fast generator's training end to end on made-up pairs: one command gives weights that the engine takes, and resumes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mimica.cli.evaluate import app as evaluate_app
from mimica.config import choose
from mimica.data.dataset import DatasetWriter
from mimica.engines.base import Face, load_engine
from mimica.engines.ganimation.edit import load
from mimica.engines.ganimation.fast import data as fast_data
from mimica.engines.ganimation.fast.edit import WEIGHTS
from mimica.engines.ganimation.fast.file import read_weights
from mimica.engines.ganimation.fast.networks import PatchPainter
from mimica.engines.ganimation.fast.options import PRESETS, FastOptions
from mimica.engines.ganimation.fast.painter import PARTS, condition_of
from mimica.engines.ganimation.fast.painter_file import from_onnx, to_onnx
from mimica.engines.ganimation.fast.patches import RealPatches, choose_pairs, mirrored
from mimica.engines.ganimation.fast.train import FastTask, read_topology
from mimica.errors import DataError, UserError, ValueRangeError, WeightsError
from mimica.evaluate import sheet
from mimica.facs import AU_NUMBERS, SIDED_AU_NAMES
from mimica.training.loop import Trainer

SIDE, ALL_VERTICES = 120, 14062
TINY = [
    f"{word}"
    for word in (
        "steps=3", "batch_size=2", "accelerator=cpu", "sample_every=0", "log_every=1", "mesh_components=3", "move_components=3",
        "gain_components=2", "fit_steps=3", "fit_batch=4", "gain_frames=6", "pairs=4", "critic_width=4", "critic_from=0.3",
        "r1_every=1", "readings=true", "augmented=1",
    )
]  # fmt: skip


def mesh_of(topology: dict[str, np.ndarray], mean: np.ndarray, shift: float) -> np.ndarray:
    """All vertices of the head, (14062, 2) pixels: the mean face, its lower half `shift` pixels lower."""
    whole = np.full((ALL_VERTICES, 2), SIDE * 0.7, np.float32)
    whole[topology["pair_vertices"]] = mean[: len(topology["pair_vertices"])] * SIDE
    whole[whole[:, 1] > 0.6 * SIDE, 1] += shift
    return whole


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sources of four frames, one of them held out: noise for pictures, a chin that drops with AU26."""
    folder, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    (folder / "dense").mkdir()
    topology, mean = read_topology(), read_weights(WEIGHTS)["mesh.mean"].reshape(-1, 2)
    lines = []
    for source in ("anna", "bert", "carl"):
        meshes = []
        for k in range(4):
            drop = [0.0, 1.0, 0.5, 0.2][k]
            mesh = mesh_of(topology, mean, 8 * drop) + rng.normal(0, 0.3)
            meshes.append(mesh)
            units = [drop if n == 26 else 0.0 for n in AU_NUMBERS]
            points = mesh[topology["pair_vertices"]][topology["landmarks"]]
            cv2.imwrite(str(folder / f"{source}_{k}.png"), rng.integers(60, 200, (SIDE, SIDE, 3), np.uint8))
            lines.append({
                "file": f"{source}_{k}.png", "source_id": source, "is_source": k == 0, "recipe": "x",
                "split": "validation" if source == "carl" else "train",
                "lm68": points.reshape(-1).tolist(), "au_left": units, "au_right": units,
            })  # fmt: skip
        np.savez(folder / "dense" / f"{source}.npz", xy=(np.array(meshes) * fast_data.FRACTION).astype(np.int16))
    (folder / "labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real faces: ten of noise, half of them with their lips apart."""
    folder, rng = tmp_path_factory.mktemp("faces"), np.random.default_rng(1)
    with DatasetWriter(folder, "noise", 240, ("AU12", "AU25", "AU26")) as writer:
        for i in range(10):
            image = rng.integers(0, 256, (240, 240, 3), np.uint8)
            writer.add(image, {"AU12": 0.0, "AU25": float(i % 2), "AU26": 0.0}, f"face_{i}", f"{i}")
    return folder


def options(*more: str) -> Any:
    return choose(FastOptions, PRESETS, "fast", [*TINY, *more])


def test_one_command_gives_weights_and_resumes_exactly(pairs: Path, faces: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def train(folder: Path, *more: str) -> dict[str, np.ndarray]:
        Trainer(FastTask(options(*more), [pairs, faces]), folder, say=said.append).run()
        return read_weights(folder / "weights" / "ganimation_fast.safetensors")

    whole = train(tmp_path / "whole")
    assert sum("fitting" in line for line in said) == 3 and any("mouth_critic" in line for line in said)
    said.clear()
    stopped = FastTask(options(), [pairs, faces])
    trainer = Trainer(stopped, tmp_path / "halves", say=said.append)
    one_step = trainer._one_step
    trainer._one_step = lambda batch: (one_step(batch), setattr(trainer._stop, "reason", "told"))  # type: ignore[method-assign]
    trainer.run()
    resumed = train(tmp_path / "halves")
    assert sum("fitting" in line for line in said) == 3, "a resumed run fits nothing again"
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)

    engine = load(tmp_path / "whole" / "weights" / "ganimation_fast.safetensors")
    row = json.loads((pairs / "labels.jsonl").read_text().splitlines()[0])
    image = cv2.imread(str(pairs / row["file"]))[..., ::-1].copy()
    landmarks = np.array(row["lm68"], np.float32).reshape(68, 2)
    face = Face(image, landmarks, dict.fromkeys(SIDED_AU_NAMES, 0.0))
    assert not np.array_equal(engine.render(engine.encode(face), {"AU26L": 1.0, "AU26R": 1.0}).image, image)


def test_painters_can_be_trained_further(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, other = PatchPainter(204), PatchPainter(204)
    from_onnx(other, to_onnx(first, "mouth"), tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), other.state_dict().values(), strict=True))
    with pytest.raises(WeightsError, match="condition"):
        from_onnx(PatchPainter(68), to_onnx(first, "mouth"), tmp_path)


def test_samples_show_mouths_and_eyes(pairs: Path, tmp_path: Path) -> None:
    Trainer(FastTask(options("steps=1", "sample_every=1", "readings=false"), [pairs]), tmp_path / "run").run()
    sheet = cv2.imread(str(next((tmp_path / "run" / "samples").glob("*.jpg"))))
    assert sheet.shape[1] == 6 * PARTS["mouth"].width and sheet.shape[0] % PARTS["mouth"].height == 0
    assert "held-out" in (tmp_path / "run" / "run.md").read_text()


def test_a_dry_run_keeps_nothing(pairs: Path, tmp_path: Path) -> None:
    text = Trainer(FastTask(options("readings=false"), [pairs]), tmp_path / "run").dry_run()
    assert "mouth_critic" in text and not (tmp_path / "run").exists()


def test_what_is_prepared_for_other_options_is_not_used(pairs: Path, tmp_path: Path) -> None:
    task = FastTask(options("readings=false"), [pairs])
    task.workspace = tmp_path
    assert task.prepared
    other = FastTask(options("readings=false", "pairs=5"), [pairs])
    other.workspace = tmp_path
    with pytest.raises(UserError, match="pairs was 4 and is 5"):
        _ = other.prepared


@pytest.mark.parametrize("only, message", [("anna", ""), ("zoe", "no usable source"), ("carl", "held out")])
def test_a_filter_keeps_sources_by_name(pairs: Path, only: str, message: str) -> None:
    kept = options(f"only={only}").kept
    if message:
        with pytest.raises(DataError, match=message):
            fast_data.prepare(pairs, read_topology(), keep=lambda row: kept(row["source_id"]))
        return
    found = fast_data.prepare(pairs, read_topology(), keep=lambda row: kept(row["source_id"]))
    assert len(found.names) == 4 and all(name.startswith("anna") for name in found.names) and not found.read


def test_data_that_are_no_pairs_are_refused(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder of pairs"):
        FastTask(options(), [faces])
    with pytest.raises(UserError, match="folder of pairs"):
        FastTask(options(), [])


def test_pairs_are_chosen_within_a_source_and_some_stay_where_they_are(pairs: Path) -> None:
    found = fast_data.prepare(pairs, read_topology())
    chosen = choose_pairs(found, 60, 1.0, np.random.default_rng(0))
    assert np.array_equal(chosen[:, 0], chosen[:, 1])
    chosen = choose_pairs(found, 60, 0.0, np.random.default_rng(0))
    assert np.array_equal(found.source[chosen[:, 0]], found.source[chosen[:, 1]]) and len(chosen) == 66
    assert found.validation[chosen[:, 0]].sum() == 6 and (chosen[:, 0] != chosen[:, 1]).mean() > 0.5


def test_a_mouth_in_the_mirror_is_told_mirrored_sides_and_points() -> None:
    rng = np.random.default_rng(0)
    landmarks = read_weights(WEIGHTS)["mesh.landmark_mean"].reshape(68, 2)
    left, right = rng.random(17).astype(np.float32), rng.random(17).astype(np.float32)
    source, target = np.concatenate([left, right]), np.concatenate([right, right])
    told = condition_of(PARTS["mouth"], landmarks, source, target)
    picture = rng.integers(0, 255, (11, 96, 112), np.uint8)
    pictures, condition, wanted = mirrored(picture, told, picture[:3])
    assert np.array_equal(pictures[..., ::-1], picture) and np.array_equal(wanted[..., 0], picture[:3, :, -1])
    assert np.array_equal(condition[:34], np.concatenate([right, left])) and np.array_equal(condition[34:68], target)
    points, before = condition[68:].reshape(68, 2), told[68:].reshape(68, 2)
    assert np.allclose(points[48], before[54] * [-1, 1]) and np.allclose(points[36], before[45] * [-1, 1])
    again = mirrored(pictures, condition, wanted)[1]
    assert np.allclose(again, told), "a mirror in a mirror"


def test_real_mouths_are_those_that_part_their_lips(faces: Path) -> None:
    from mimica.data.dataset import open_datasets

    found = open_datasets([faces])
    real = RealPatches(found, np.full((68, 2), 0.5, np.float32))
    assert len(real) == 5
    patch, where = real.draw("mouth", np.random.default_rng(0))
    assert patch.shape == (3, 96, 112) and patch.dtype == np.uint8 and where.shape == (1, 96, 112)
    strip = patch[0, 40, 30:60]
    rows = np.concatenate([found.images([i], 240)[0][..., 0] for i in range(1, 10, 2)])
    rows = np.concatenate([rows, rows[:, ::-1]])
    windows = np.lib.stride_tricks.sliding_window_view(rows, 30, axis=1)
    assert (windows == strip).all(-1).any(), "it is cut out of one of them, mirrored or not"


def test_rates_rise_and_fall() -> None:
    task = FastTask.__new__(FastTask)
    task.options = options("steps=1000")
    rates = [task.learning_rate_factor(step) for step in (0, 99, 500, 999)]
    assert rates[0] < 0.02 and rates[1] > 0.95 and rates[2] == pytest.approx(0.51, abs=0.01) and rates[3] < 0.03
    assert torch.isfinite(torch.tensor(rates)).all()


def _held_out(pairs: Path, folder: Path) -> Path:
    """Labels by which one face is held out."""
    lines = [json.loads(line) for line in (pairs / "labels.jsonl").read_text().splitlines()]
    changed = [line | {"split": "validation" if line["source_id"] == "bert" else "train"} for line in lines]
    labels = folder / "labels.jsonl"
    labels.write_text("".join(json.dumps(line) + "\n" for line in changed))
    return labels


@pytest.mark.parametrize("zoom", ["eyes", "mouth"])
def test_the_sheet_enlarges_what_is_asked_for(pairs: Path, tmp_path: Path, zoom: str) -> None:
    output, labels, chosen = tmp_path / "sheet.png", _held_out(pairs, tmp_path), sheet.ZOOMS[zoom]
    words = ["sheet", str(pairs), "-o", str(output), "--faces", "1", "--labels", str(labels), "--zoom", zoom]
    done = CliRunner().invoke(evaluate_app, words)
    assert done.exit_code == 0, done.output
    cells = np.split(cv2.imread(str(output)).astype(int), 1 + len(chosen.shown), axis=1)
    assert cells[0].shape == (round(384 * chosen.height), 384, 3)
    assert sum(np.abs(cell - cells[0]).max() > 8 for cell in cells[1:]) >= len(chosen.shown) - 2
    with pytest.raises(ValueRangeError, match="'eyes'"):
        sheet.sheet(pairs, load_engine(), zoom="eye")


def test_the_sheet_shows_held_out_faces_beside_the_frames_of_the_pairs(pairs: Path, tmp_path: Path) -> None:
    output, labels = tmp_path / "sheet.png", _held_out(pairs, tmp_path)
    words = ["sheet", str(pairs), "-o", str(output), "--faces", "3", "--weights", str(WEIGHTS), "--labels", str(labels)]
    done = CliRunner().invoke(evaluate_app, words)
    assert done.exit_code == 0, done.output
    drawn = cv2.imread(str(output))
    side = drawn.shape[0] // 2
    assert drawn.shape == (2 * side, 9 * side, 3), "one face is held out by these labels: two rows"
    photo = cv2.resize(cv2.imread(str(pairs / "bert_0.png")), (side, side), interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(drawn[:side, :side], photo)
