"""Directions: planted ones are found, doses are standard deviations, masked layers keep their bits, files of others are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import NUM_WS, W_SIZE, planted

from mimica.engines.stylegan.directions import (
    Direction,
    chosen,
    default_layers,
    load_directions,
    orthogonal_to,
    parse_layers,
    save_directions,
)
from mimica.engines.stylegan.latents import save_latents, within_people
from mimica.errors import DataError, ValueRangeError, WeightsError

pytest.importorskip("sklearn")

from mimica.engines.stylegan.directions_fit import LEARNERS, classes, fit_direction, fit_file, identity_basis

ALL = tuple(range(NUM_WS))


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b))


# --- fitting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("column", ["AU12", "yaw"])
def test_a_planted_direction_is_recovered(learner: str, column: str) -> None:
    latents, truth = planted()
    direction, fitted = fit_direction(latents, column, (0, 1, 2), learner=learner)
    assert _cosine(direction.vector, truth[column]) >= 0.95
    assert fitted.accuracy > 0.9 and direction.accuracy == fitted.accuracy
    assert np.linalg.norm(direction.vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_planted_direction_is_recovered_in_w_plus(learner: str) -> None:
    latents, truth = planted(count=6000, space="w_plus")
    direction, _ = fit_direction(latents, "AU12", ALL, learner=learner)
    assert direction.vector.shape == (NUM_WS, W_SIZE) and _cosine(direction.vector, truth["AU12"]) >= 0.95


def test_a_label_is_a_column() -> None:
    latents, truth = planted()
    direction, _ = fit_direction(latents, "label:happiness", ALL)
    assert direction.name == "happiness" and _cosine(direction.vector, truth["AU12"]) >= 0.95


def test_a_dose_is_a_standard_deviation() -> None:
    latents, _ = planted()
    direction, _ = fit_direction(latents, "yaw", ALL)
    codes = latents.w_plus()
    scores = direction.score(codes)
    assert scores.std() == pytest.approx(1, abs=1e-3)
    assert np.allclose(direction.score(direction.apply(codes, 1.5)) - scores, 1.5, atol=1e-4)
    assert direction.name == "turn" and direction.per_dose == pytest.approx(8, rel=0.1), "8 degrees were planted"
    assert ((scores > 0) == (latents.column("yaw") > 0)).mean() > 0.9, "the intercept is the classifier's"


def test_noise_is_not_learnt() -> None:
    latents, _ = planted(400)
    noise = latents.values.copy()
    noise[:, 0] = np.random.default_rng(5).random(len(latents))

    _, fitted = fit_direction(replace(latents, values=noise), "AU12", ALL)
    assert abs(fitted.accuracy - 0.5) < 0.15


def test_what_is_kept_does_not_move() -> None:
    latents, _ = planted()
    free, _ = fit_direction(latents, "AU12", ALL)
    tied, _ = fit_direction(latents, "AU12", ALL, keep=["yaw"])
    yaw, _ = fit_direction(latents, "yaw", ALL)
    codes = latents.w_plus(range(50))
    moved = [yaw.score(one.apply(codes, 2)) - yaw.score(codes) for one in (free, tied)]
    assert abs(moved[0]).min() > 0.5 and abs(moved[1]).max() < 1e-4
    with pytest.raises(ValueRangeError, match="leave that out"):
        fit_direction(latents, "AU12", ALL, keep=["AU12"])


def test_identity_is_what_tells_people_apart() -> None:
    latents, _ = planted(900, people=30)
    basis = np.array(identity_basis(latents, ALL, components=5))
    tied, _ = fit_direction(latents, "AU12", ALL, keep=["identity"])
    assert np.abs(basis @ basis.T - np.eye(5)).max() < 1e-6
    assert np.abs(np.array(identity_basis(latents, ALL)) @ tied.vector[0]).max() < 1e-5
    with pytest.raises(DataError, match="same people"):
        fit_direction(planted(300)[0], "AU12", ALL, keep=["identity"])


def test_compared_with_themselves_people_do_not_matter() -> None:
    """The label hangs on the planted direction only, but people who smile more are also darker."""
    latents, truth = planted(1500, people=60)
    owners = np.arange(1500) % 60
    dark = np.random.default_rng(2).standard_normal((1, W_SIZE))
    codes = latents.codes + (8 * np.array([latents.values[owners == p, 0].mean() for p in range(60)])[owners, None, None] * dark)
    skewed = replace(latents, codes=codes.astype(np.float32))
    plain, _ = fit_direction(skewed, "AU12", ALL)
    fair, _ = fit_direction(within_people(skewed), "AU12", ALL)
    assert _cosine(fair.vector, truth["AU12"]) >= 0.95 > _cosine(plain.vector, truth["AU12"])
    centred = within_people(latents)
    means = [centred.codes[np.array(centred.subjects) == s].mean(axis=0) for s in sorted(set(centred.subjects))]
    assert np.allclose(means, means[0], atol=1e-5)
    with pytest.raises(DataError, match="Nobody is shown twice"):
        within_people(planted(30)[0])


def test_one_w_is_learnt_from_the_mean_of_the_rows(tmp_path: Path) -> None:
    latents, _ = planted(800, "w_plus")
    assert latents.averaged().space == "w" and np.allclose(latents.averaged().codes[:, 0], latents.codes.mean(1), atol=1e-6)
    same = replace(latents, codes=np.repeat(latents.averaged().codes, NUM_WS, axis=1))
    save_latents(tmp_path / "set", same)
    fits = fit_file(tmp_path / "set", tmp_path / "d.safetensors", column=["AU12", "turn=yaw"], layers="all", one_w=True)
    for direction, _ in fits.rows:
        assert direction.vector.shape == (1, W_SIZE) and direction.layers == tuple(range(NUM_WS))
    (wanted, _) = fit_direction(latents.averaged(), "AU12", ALL)
    assert _cosine(fits.rows[0][0].vector, wanted.vector) > 0.999


def test_people_are_held_out_whole() -> None:
    """Labels that hang on the person alone, by chance, cannot be told for another person."""
    latents, _ = planted(600, people=40)

    values = latents.values.copy()
    of_person = np.random.default_rng(9).random(40)
    values[:, 0] = of_person[np.arange(600) % 40] + 0.001 * np.random.default_rng(1).random(600)
    _, fitted = fit_direction(replace(latents, values=np.clip(values, 0, 1)), "AU12", ALL)
    assert fitted.accuracy < 0.75


def test_examples_are_the_ends() -> None:
    values = np.concatenate([np.linspace(0, 1, 200), [np.nan]])
    got = classes(values, 0.25)
    assert (got[:50] == 0).all() and np.isnan(got[51:149]).all() and (got[150:200] == 1).all() and np.isnan(got[200])
    with pytest.raises(DataError, match="examples"):
        classes(np.full(100, 0.3))
    with pytest.raises(DataError, match="3 positive and 97 negative"):
        classes(np.array([1.0] * 3 + [0.0] * 97))


# --- masks and arithmetic -------------------------------------------------------------------------------------------


@given(dose=st.floats(-4, 4), layers=st.sets(st.integers(0, NUM_WS - 1), min_size=1))
def test_masked_layers_keep_their_bits(dose: float, layers: set[int]) -> None:
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((3, NUM_WS, W_SIZE)).astype(np.float32)
    vector = rng.standard_normal((1, W_SIZE)).astype(np.float32)
    direction = Direction("d", "", vector / np.linalg.norm(vector), 0.7, 0.0, tuple(sorted(layers)), NUM_WS)
    edited = direction.apply(codes, dose)
    others = [k for k in range(NUM_WS) if k not in layers]
    assert edited[:, others].tobytes() == codes[:, others].tobytes()
    assert np.allclose(edited[:, sorted(layers)] - codes[:, sorted(layers)], dose * 0.7 * direction.vector, atol=1e-5)
    assert np.array_equal(direction.step(dose)[others], np.zeros((len(others), W_SIZE)))


def test_the_papers_mask_is_scaled() -> None:
    assert default_layers(18) == tuple(range(8))
    assert [len(default_layers(n)) for n in (14, 12, 10, 2)] == [6, 5, 4, 1]
    assert parse_layers("0-2,5", 10) == (0, 1, 2, 5) and parse_layers("all", 3) == (0, 1, 2)
    for text in ("8-9", "x", "", "3-1", "-1"):
        with pytest.raises(ValueRangeError):
            parse_layers(text, 8)


def test_another_mask() -> None:
    vector = np.zeros((4, 3), np.float32)
    vector[0, 0] = vector[1, 1] = np.sqrt(0.5)
    direction = Direction("d", "", vector, 2.0, 0.0, (0, 1), 4)
    narrow = direction.with_layers((1, 2))
    assert np.allclose(narrow.step(1.0)[1], direction.step(1.0)[1]) and not narrow.step(1.0)[0].any()
    with pytest.raises(ValueRangeError, match="nothing"):
        direction.with_layers((3,))


def test_orthogonal_by_hand() -> None:
    assert np.allclose(orthogonal_to(np.array([3.0, 4.0, 0]), [np.array([1.0, 0, 0])]), [0, 1, 0])
    with pytest.raises(ValueRangeError, match="nothing of it is left"):
        orthogonal_to(np.array([1.0, 1.0]), [np.array([1.0, 0]), np.array([1.0, 2.0])])


# --- files ----------------------------------------------------------------------------------------------------------


def test_our_files_come_back(tmp_path: Path) -> None:
    latents, _ = planted(500)
    some = [fit_direction(latents, column, (0, 2))[0] for column in ("AU12", "yaw")]
    save_directions(tmp_path / "d.safetensors", some)
    back = load_directions(tmp_path / "d.safetensors", NUM_WS)
    assert list(back) == ["AU12", "turn"]
    for old, new in zip(some, back.values(), strict=True):
        assert np.array_equal(old.step(1.3), new.step(1.3)) and old.generator == new.generator == "abc"
        assert (old.layers, old.per_dose, old.accuracy) == (new.layers, new.per_dose, new.accuracy)
    with pytest.raises(WeightsError, match="10 layers; this one has 18"):
        load_directions(tmp_path / "d.safetensors", 18)
    with pytest.raises(ValueRangeError, match="did you mean 'turn'"):
        chosen(back, "trun")


@pytest.mark.parametrize("shape", [(512,), (1, 512), (18, 512), (1, 18, 512)])
def test_published_files(tmp_path: Path, shape: tuple[int, ...]) -> None:
    row = np.random.default_rng(0).standard_normal(512)
    row *= 0.4 / np.linalg.norm(row)
    np.save(tmp_path / "smile.npy", np.broadcast_to(row, shape).astype(np.float32))
    direction = load_directions(tmp_path / "smile.npy", 18)["smile"]
    assert direction.layers == tuple(range(8)) and direction.learner == "published"
    step = direction.step(1.0)
    assert np.allclose(step[:8], row, atol=1e-6) and not step[8:].any()


def test_published_rows_that_differ_keep_their_layers(tmp_path: Path) -> None:
    rows = np.zeros((18, 512), np.float32)
    rows[4:6] = np.random.default_rng(0).standard_normal((2, 512))
    np.save(tmp_path / "age.npy", rows)
    direction = load_directions(tmp_path / "age.npy", 18)["age"]
    assert direction.layers == (4, 5) and np.allclose(direction.step(-1.0), -rows, atol=1e-5)


def test_boundaries_of_style_feature_editor_are_flat(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((18, 512)).astype(np.float32)
    np.save(tmp_path / "Smiling_boundary.npy", rows.reshape(1, -1))
    direction = load_directions(tmp_path / "Smiling_boundary.npy", 18)["Smiling_boundary"]
    assert direction.layers == tuple(range(18)) and np.allclose(direction.step(1.0), rows, atol=1e-5)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_tensor_of_encoder4editing_is_added_to_all_layers(tmp_path: Path, legacy: bool) -> None:
    torch = pytest.importorskip("torch")
    row = np.random.default_rng(0).standard_normal((1, 512)).astype(np.float32)
    torch.save(torch.from_numpy(row), tmp_path / "smile.pt", _use_new_zipfile_serialization=not legacy)
    direction = load_directions(tmp_path / "smile.pt", 18)["smile"]
    assert direction.layers == tuple(range(18)) and np.allclose(direction.step(-2.0), -2 * row, atol=1e-5)


def test_a_pca_of_ganspace(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    comp = np.linalg.qr(rng.standard_normal((512, 80)))[0].T
    mean, std = rng.standard_normal(512), np.linspace(3, 0.1, 80)
    parts = {"comp": comp[:, None], "mean": mean[None], "std": std}
    torch.save({name: torch.from_numpy(one.astype(np.float32)) for name, one in parts.items()}, tmp_path / "ffhq_pca.pt")
    known = load_directions(tmp_path / "ffhq_pca.pt", 18)
    assert list(known)[:2] == ["pca0", "pca1"] and "pca79" in known
    assert np.allclose(known["pca3"].step(2.0), 2 * std[3] * comp[3], atol=1e-5)
    code = np.tile(mean + 1.5 * std[3] * comp[3], (1, 18, 1)).astype(np.float32)
    assert known["pca3"].score(code) == pytest.approx([1.5], abs=1e-4), "a dose is a standard deviation"
    smile = known["smile"].step(1.0)
    assert np.allclose(smile[4], -std[46] * comp[46], atol=1e-5) and not smile[5:].any() and not smile[:4].any()
    assert "smile" not in load_directions(tmp_path / "ffhq_pca.pt", 14), "the names hold for FFHQ's 18 layers alone"


@pytest.mark.parametrize("what", ["code", "other dictionary", "shapes", "text", "string"])
def test_pt_files_that_are_no_directions_are_refused(tmp_path: Path, what: str) -> None:
    torch = pytest.importorskip("torch")
    path, hit = tmp_path / "d.pt", tmp_path / "hit"
    content = {
        "other dictionary": {"weight": torch.ones(3)},
        "shapes": {"comp": torch.ones(4, 1, 512), "mean": torch.ones(1, 512), "std": torch.ones(5)},
        "string": "hello",
        "code": _Touch(str(hit)),
    }
    if what in content:
        torch.save(content[what], path)
    else:
        path.write_text("no tensor")
    with pytest.raises(WeightsError):
        load_directions(path, 18)
    assert not hit.exists()


class _Touch:
    """Makes a file when it is unpickled by what runs pickles."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (self.path, "w")


@pytest.mark.parametrize("what", ["missing", "text", "pickle", "shape", "whole numbers", "nan", "zeros", "layers"])
def test_other_files_are_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "d.npy"
    arrays = {
        "shape": np.ones((3, 4, 5)), "whole numbers": np.ones(512, int), "nan": np.full(512, np.nan),
        "zeros": np.zeros(512), "layers": np.random.default_rng(0).random((14, 512)),
    }  # fmt: skip
    if what in arrays:
        np.save(path, arrays[what])
    elif what == "pickle":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif what == "text":
        path.write_text("no array")
    with pytest.raises(WeightsError):
        load_directions(path, 18)
