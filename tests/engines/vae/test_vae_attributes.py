"""Attribute vectors on made-up latents whose directions are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimica.engines.vae.attributes import (
    Encoded,
    cosines,
    decorrelated,
    encoded,
    fit,
    fittable,
    mean_difference,
    sides,
    unit_gains,
    unit_steps,
)
from mimica.engines.vae.codec import Codec, load_engine_file
from mimica.engines.vae.data import VaeData, open_data
from mimica.errors import DataError, ValueRangeError
from mimica.facs import SIDED_AU_NAMES

LEFT, RIGHT = SIDED_AU_NAMES.index("AU12L"), SIDED_AU_NAMES.index("AU12R")


def _correlated(seed: int = 0, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Latents (N, 3) = blond * e0 + glasses * e1 + noise; glasses go with blond hair in 9 of 10 cases."""
    rng = np.random.default_rng(seed)
    blond = rng.integers(0, 2, count).astype(float)
    glasses = np.where(rng.random(count) < 0.9, blond, 1 - blond)
    values = np.stack([blond, glasses], 1)
    return np.column_stack([values, np.zeros(count)]) + 0.1 * rng.standard_normal((count, 3)), values


def test_sides_of_binary_and_of_graded_values():
    positive, negative = sides(np.array([0.0, 1.0, np.nan, 1.0]))
    assert positive.tolist() == [False, True, False, True] and negative.tolist() == [True, False, False, False]
    positive, negative = sides(np.linspace(0, 1, 101))
    assert not (positive & negative).any() and 35 <= positive.sum() <= 45 and 35 <= negative.sum() <= 45
    assert not np.any(sides(np.full(5, 0.3))), "what does not vary has no sides"


def test_mean_difference_by_hand():
    latents = np.array([[1.0, 2.0], [3.0, 4.0], [10.0, 0.0]])
    assert mean_difference(latents, np.array([0.0, 0.0, 1.0])).tolist() == [8.0, -3.0]


def test_decorrelation_cures_blond_hair_with_glasses():
    latents, values = _correlated()
    plain = np.stack([mean_difference(latents, column) for column in values.T])
    alone = decorrelated(latents, values)
    assert plain[0, 1] == pytest.approx(0.8, abs=0.05), "blond drags glasses along"
    assert np.allclose(alone, [[1, 0, 0], [0, 1, 0]], atol=0.06)
    assert cosines(plain)[0, 1] > 0.95 and abs(cosines(alone)[0, 1]) < 0.15


def test_decorrelation_without_penalty_is_least_squares():
    latents, values = _correlated(1, 300)
    design = np.column_stack([values, np.ones(len(values))])
    reference = np.linalg.lstsq(design, latents, rcond=None)[0][:2]
    assert np.allclose(decorrelated(latents, values, ridge=0), reference, atol=1e-6)


def test_a_weight_of_two_is_the_row_twice():
    latents, values = _correlated(2, 200)
    values[5, 0] = np.nan
    weights = np.where(np.arange(200) < 50, 2.0, 1.0)
    twice = np.concatenate([np.arange(200), np.arange(50)])
    assert np.allclose(mean_difference(latents, values[:, 1], weights), mean_difference(latents[twice], values[twice, 1]))
    assert np.allclose(decorrelated(latents, values, weights=weights), decorrelated(latents[twice], values[twice]))


def test_decorrelation_where_values_are_missing():
    latents, values = _correlated()
    values[::3, 1] = np.nan
    assert np.allclose(decorrelated(latents, values), [[1, 0, 0], [0, 1, 0]], atol=0.1)


def test_unit_steps_look_within_photos_only():
    """Who it is moves z far more than the units do, and goes with them: the steps must not see it."""
    rng = np.random.default_rng(0)
    steps, photos = rng.standard_normal((3, 4)), np.repeat(np.arange(200), 5)
    who = 20 * rng.standard_normal((200, 4))
    units = rng.random((1000, 3)) + 0.2 * who[photos][:, :3]
    latents = units @ steps + who[photos]
    found = unit_steps(latents, units, [str(p) for p in photos], ridge=1e-9)
    assert np.allclose(found, steps, atol=1e-3)
    with pytest.raises(DataError, match="more than one expression"):
        unit_steps(latents[:3], units[:3], ["a", "b", "c"])


def test_fit_on_a_data_set(tiny_weights: Path, tiny_data: Path):
    data, (file, _) = open_data(tiny_data), load_engine_file(tiny_weights)
    rows = data.rows(validation=False)
    coded = encoded(Codec(file), data, rows)
    assert fittable(data, rows) == ()  # 16 positives are too few
    vectors = fit(coded, ["smile", "age"])
    assert vectors.attributes == ("smile", "age") and vectors.counts[0] == (16, 16)
    both = np.concatenate([coded.latents, coded.mirrored])
    assert np.allclose(vectors.latent_mean, both.mean(0), atol=1e-5)
    smile = np.tile(data.values_of("smile")[rows], 2)
    assert np.allclose(
        vectors.of("smile", plain=True), both[smile == 1].mean(0) - both[smile == 0].mean(0), atol=1e-4
    )  # a smile of 1 is always a frame, of 0 a photo
    assert np.abs(vectors.units).sum(1).argmax() in (LEFT, RIGHT), "AU12 is the only unit that moves"
    with pytest.raises(ValueRangeError, match="did you mean 'smile'"):
        fit(coded, ["smiles"])
    with pytest.raises(DataError, match="no attribute with"):
        fit(coded)


class _LinearCodec:
    """Decodes z (B, 34) to pictures of 4 x 34 pixels: column i is twice as strong as unit i should make it, but unit 0 half."""

    def decode(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = np.full(34, 2.0)
        scale[[0, 17]] = 0.5
        pictures = np.broadcast_to((z * scale)[:, None, :, None], (len(z), 4, 34, 3))
        return pictures.astype(np.float32), np.zeros((len(z), 4, 34), np.float32)


def test_steps_are_lengthened_until_they_show():
    """The decoder shows unit 0 at half of its size and all others twice too large: gains 2 and (at the limit) 0.7."""
    rng = np.random.default_rng(0)
    units = rng.random((40, 34))
    images = np.broadcast_to((100 * units)[:, None, :, None], (40, 4, 34, 3))
    photos = tuple(f"p{i // 4}" for i in range(40))
    data = VaeData("", 4, (), images, images[..., 0], units, photos, photos, photos, np.zeros(40, bool))
    latents = (100 * units).astype(np.float32)
    faces = Encoded(_LinearCodec(), data, np.arange(40), latents, latents)  # type: ignore[arg-type]
    gains = unit_gains(faces, 100 * np.eye(34, dtype=np.float32), units, ridge=1e-9)
    assert gains[[0, 17]] == pytest.approx(2, rel=1e-4) and np.allclose(np.delete(gains, [0, 17]), 0.7)
