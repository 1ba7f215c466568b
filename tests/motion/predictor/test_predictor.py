"""The predictor: numpy says what torch says, sequences are lively and sane, data come as documented, the table is fair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimica.errors import DataError, ValueRangeError, WeightsError
from mimica.facs import EMOTIONS, RECIPES, SIDED_AU_NAMES
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights
from mimica.motion.predictor.predict import (
    KIND,
    SIZE,
    STATE,
    STEP,
    UNITS,
    VERSION,
    WEIGHTS,
    Outputs,
    Predictor,
    mixture_log_density,
    nearest_emotions,
)
from mimica.motion.script.script import NEUTRAL

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")

from mimica.config import choose  # noqa: E402
from mimica.evaluate.predictor import Markov, Persistence, compare  # noqa: E402
from mimica.motion.predictor.clips import Clip, load_clips  # noqa: E402
from mimica.motion.predictor.train import (  # noqa: E402
    PRESETS,
    PieceSource,
    PredictorNet,
    PredictorOptions,
    PredictorTask,
    log_transitions,
    whitening,
)
from mimica.training.loop import Trainer  # noqa: E402

OWN = {**NEUTRAL, "AU12L": 0.3, "AU12R": 0.1, "yaw": 7.0}


def _clip(name: str, seed: int, length: int = 80) -> Clip:
    """A made-up face: smooth waves."""
    rng = np.random.default_rng(seed)
    time = np.arange(length)[:, None] * STEP
    waves = np.sin(time * rng.uniform(0.5, 4, SIZE) + rng.uniform(0, 6, SIZE))
    scale = np.array([0.3] * len(UNITS) + [6.0] * 3)
    centre = np.array([0.4] * len(UNITS) + [0.0] * 3)
    states = centre + scale * waves + 0.01 * scale * rng.standard_normal((length, SIZE))
    return Clip(name, states, nearest_emotions(states))


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [_clip(f"clip {i}", i) for i in range(6)]


@pytest.fixture(scope="module")
def net(clips: list[Clip]) -> PredictorNet:
    torch.manual_seed(0)
    made = PredictorNet(8, 3, 0.0, 0.0).eval()
    made.fit_buffers(clips)
    for layer in (made.head, made.direct):
        torch.nn.init.normal_(layer.weight, std=0.2)
    return made


def test_numpy_gives_the_likelihoods_of_torch(net: PredictorNet, clips: list[Clip]) -> None:
    clip = clips[0]
    expected = net(
        torch.from_numpy(clip.states[None]).float(),
        torch.from_numpy(clip.emotions[None]),
        torch.from_numpy(clip.states[:1]).float(),
    )
    got = Predictor.from_tensors(module_tensors(net)).log_likelihoods(clip.states, clip.emotions)
    assert np.allclose(got[:, 0], expected["emotion"][0].detach(), atol=1e-4)
    assert np.allclose(got[:, 1], expected["motion"][0].detach(), atol=2e-3, rtol=1e-4)


def test_a_mixture_by_hand() -> None:
    out = Outputs(np.zeros(8), np.log([0.25, 0.75]), np.zeros((2, SIZE)), np.ones((2, SIZE)))
    assert mixture_log_density(np.zeros(SIZE), out) == pytest.approx(-0.5 * SIZE * np.log(2 * np.pi))
    out.means[1] = 100.0
    assert mixture_log_density(np.zeros(SIZE), out) == pytest.approx(np.log(0.25) - 0.5 * SIZE * np.log(2 * np.pi))


def test_the_emotion_whose_recipe_is_nearest() -> None:
    for emotion in ("happiness", "sadness", "surprise", "anger"):
        state = np.array([[RECIPES[emotion].get(int(u[2:]), 0.0) for u in UNITS] + [0.0] * 3])
        assert EMOTIONS[nearest_emotions(np.repeat(state, 5, axis=0))[-1]] == emotion
        assert EMOTIONS[nearest_emotions(0.1 * state)[0]] == "neutral"
    late = np.zeros((40, SIZE))
    late[20:, UNITS.index("AU12")] = 1.0
    named = nearest_emotions(late)
    assert (named[:20] == 0).all() and named[-1] == EMOTIONS.index("happiness"), "no look into the future"


def test_whitening_whitens(clips: list[Clip]) -> None:
    changes = np.concatenate([np.diff(clip.states, axis=0) for clip in clips]) @ whitening(clips).T
    covariance = changes.T @ changes / len(changes)
    assert np.allclose(covariance - np.diag(np.diag(covariance)), 0, atol=0.05)
    assert (np.diag(covariance) <= 1).all() and np.diag(covariance).max() > 0.85, "the floor only takes away"


def test_transitions_are_probabilities() -> None:
    clip = Clip("c", np.zeros((5, SIZE)), np.array([0, 0, 1, 1, 0]))
    table = np.exp(log_transitions([clip]))
    assert np.allclose(table.sum(axis=1), 1)
    assert table[0, 1] == pytest.approx(1.1 / 3.8) and table[0, 0] == pytest.approx(2.1 / 3.8)


def test_a_prediction_begins_with_the_photo_and_stays_legal(net: PredictorNet) -> None:
    predictor = Predictor.from_tensors(module_tensors(net))
    made = predictor.predict(OWN, 3.03, seed=1)
    track = made.track
    assert (track.start, track.end) == (0, pytest.approx(3.03))
    assert track.sample(0) == pytest.approx({name: OWN[name] for name in track.names})
    assert track.values[:, :34].min() >= 0 and track.values[:, :34].max() <= 1 and np.ptp(track.values[:, 34:]) > 0
    assert made.emotions[0] == (0.0, "neutral") and all(name in EMOTIONS for _, name in made.emotions)
    smile = [track.values[:, track.names.index(name)] for name in ("AU12L", "AU12R", "AU06L")]
    free = (smile[0] < 0.9) & (smile[1] > 0.1)
    assert np.median((smile[0] - smile[1])[free]) == pytest.approx(0.2), "what one side shows more, it keeps"
    assert smile[2].max() > 0, "the cheeks go with the smile"


def test_the_seed_decides(net: PredictorNet) -> None:
    predictor = Predictor.from_tensors(module_tensors(net))
    one, same, other = (predictor.predict(OWN, 2.0, seed).track.values for seed in (3, 3, 4))
    assert np.array_equal(one, same) and not np.array_equal(one[-1], other[-1])
    with pytest.raises(ValueRangeError, match=r"0\.1 to 600"):
        predictor.predict(OWN, 0.0)


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="no weights yet")
def test_shipped_weights_are_lively_and_do_not_drift() -> None:
    predictor = Predictor()
    states, emotions = predictor.draw(np.array([0.05] * len(UNITS) + [0.0] * 3), 1500, np.random.default_rng(0))
    for part in (states[:750], states[750:]):
        spread = part.std(axis=0)
        assert (spread[: len(UNITS)] < 0.45).all() and np.median(spread[: len(UNITS)]) > 0.02
        assert (np.abs(part[:, len(UNITS) :]) < 19.9).mean() > 0.9, "the head is not stuck at the limit"
    assert len(set(emotions.tolist())) > 1


def test_weights_in_a_file(net: PredictorNet, tmp_path: Path) -> None:
    save_weights(tmp_path / "p.safetensors", Weights(KIND, VERSION, STATE, {}, module_tensors(net)))
    assert Predictor(tmp_path / "p.safetensors").predict(OWN, 1.0).track.end == 1.0
    save_weights(tmp_path / "q.safetensors", Weights(KIND, VERSION, STATE[1:], {}, module_tensors(net)))
    for path in (tmp_path / "q.safetensors", tmp_path / "none.safetensors"):
        with pytest.raises(WeightsError):
            Predictor(path)


# --- data -----------------------------------------------------------------------------------------------------------


def _table(**columns: object) -> pd.DataFrame:
    rows = {"clip": "a", "source": "s", "time": np.arange(60) / 25, "detected": 1.0, "yaw": 12.0, "pitch": 0.0, "roll": 0.0}
    return pd.DataFrame({**rows, **{unit.lower(): 0.1 for unit in UNITS}, **columns})


def test_tables_become_clips(tmp_path: Path) -> None:
    _table(au12=np.linspace(0, 1, 60)).to_parquet(tmp_path / "sequences.parquet")
    (clip,) = load_clips([tmp_path])
    assert clip.states.shape == (30, SIZE) and clip.name == "a"
    assert np.allclose(clip.states[:, UNITS.index("AU12")], np.linspace(0, 58 / 59, 30), atol=0.01)
    assert (clip.states[:, -3] == 0).all(), "the pose is measured from its median"


def test_a_gap_parts_a_clip_and_short_ones_are_left_out(tmp_path: Path) -> None:
    seen = np.ones(60)
    seen[28:38] = 0
    _table(detected=seen).to_parquet(tmp_path / "gap.parquet")
    assert [(c.name, len(c.states)) for c in load_clips([tmp_path / "gap.parquet"])] == [("a", 14), ("a#1", 11)]
    _table()[:15].to_parquet(tmp_path / "short.parquet")
    with pytest.raises(DataError, match="No clip"):
        load_clips([tmp_path / "short.parquet"])


def test_emotions_as_read_win(tmp_path: Path) -> None:
    _table(**{f"emotion_{name}": float(name == "fear") for name in EMOTIONS}).to_parquet(tmp_path / "t.parquet")
    assert (load_clips([tmp_path / "t.parquet"])[0].emotions == EMOTIONS.index("fear")).all()


def test_blendshapes_in_place_of_action_units(tmp_path: Path) -> None:
    table = _table(bs_mouthSmileLeft=0.4, bs_mouthSmileRight=0.6).drop(columns="au12")
    table.to_parquet(tmp_path / "t.parquet")
    assert np.allclose(load_clips([tmp_path / "t.parquet"])[0].states[:, UNITS.index("AU12")], 0.5)
    table.drop(columns="bs_mouthSmileLeft").to_parquet(tmp_path / "u.parquet")
    with pytest.raises(DataError, match="au12"):
        load_clips([tmp_path / "u.parquet"])


def test_other_tables_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"clip": ["a"]}).to_parquet(tmp_path / "t.parquet")
    (tmp_path / "u.parquet").write_bytes(b"no table")
    for name, said in (("t", "lacks the columns"), ("u", "cannot be read"), ("v", "cannot be read")):
        with pytest.raises(DataError, match=said):
            load_clips([tmp_path / f"{name}.parquet"])


# --- training and the table -------------------------------------------------------------------------------------------


def test_short_clips_are_filled_up_and_marked() -> None:
    from mimica.training.batches import Draw

    source = PieceSource([_clip("short", 0, 12)], 40)
    batch = source.batch([Draw(0, 5)])
    assert batch["states"].shape == (1, 40, SIZE) and batch["known"].shape == (1, 39) and batch["known"].sum() == 11


def test_training_runs_and_learns(clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimica.motion.predictor.train.load_clips", lambda folders: clips)
    options = choose(PredictorOptions, PRESETS, "smoke", ["steps=40", "held_out=0"])
    task = PredictorTask(options, tmp_path)
    assert {clip.fold for clip in task.clips} == {clip.fold for clip in clips} - {0}
    torch.set_num_threads(1)
    Trainer(task, tmp_path / "run", say=lambda line: None).run()
    trained = Predictor(tmp_path / "run" / "weights" / "predictor.safetensors")
    rows = {row.model: row for row in compare([(trained, clips[1:], clips[:1])])}
    assert set(rows) == {"persistence, one Gaussian", "persistence", "Markov, one Gaussian", "Markov", "LSTM"}
    assert rows["LSTM"].together > rows["persistence"].together, "waves go on as they went"
    assert rows["persistence"].gain == 0


def test_baselines_are_normalised(clips: list[Clip]) -> None:
    whiten = whitening(clips)
    for model in (Persistence(clips, whiten), Markov(clips, whiten)):
        assert np.allclose(np.exp(model.table).sum(axis=1), 1)
    one = Persistence(clips, whiten, components=1)
    changes = np.diff(clips[0].states, axis=0) @ whiten.T
    mean, variance = one.mixture.means_[0], one.mixture.covariances_[0]
    by_hand = -0.5 * (((changes - mean) ** 2) / variance + np.log(2 * np.pi * variance)).sum(axis=1)
    assert np.allclose(one.log_likelihoods(clips[0])[:, 1], by_hand)


def test_all_sided_units_are_in_the_track(net: PredictorNet) -> None:
    track = Predictor.from_tensors(module_tensors(net)).predict(OWN, 0.5).track
    assert track.names[:34] == SIDED_AU_NAMES
