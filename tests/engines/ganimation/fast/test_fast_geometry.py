"""Geometry: sampling of sources and targets, storage, the measured light."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mimica.engines.ganimation.fast import geometry
from mimica.engines.ganimation.fast.data import Pairs
from mimica.engines.ganimation.fast.edit import WEIGHTS
from mimica.engines.ganimation.fast.file import read_weights
from mimica.engines.ganimation.fast.rig import Perceptron
from mimica.engines.ganimation.fast.train import read_topology
from mimica.engines.ganimation.fast.warp import SIDE, Warper


def some_pairs(sizes: list[int]) -> Pairs:
    """Sources with so many frames each, all of noise."""
    count, rng = sum(sizes), np.random.default_rng(0)
    firsts = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    return Pairs(
        rng.random((count, 68, 2), np.float32), rng.random((count, 34), np.float32), rng.random((count, 10, 2), np.float32),
        np.zeros((count, 2, 2, 3), np.uint8), firsts, np.zeros(count, bool), np.arange(count).astype(str),
        np.zeros((0, 68, 2), np.float32), np.zeros((0, 34), np.float32),
    )  # fmt: skip


def test_principal_components_find_the_plane_that_rows_lie_in() -> None:
    rng = np.random.default_rng(0)
    plane = np.linalg.qr(rng.normal(size=(8, 2)))[0].T
    rows = (rng.normal(size=(50, 2)) @ plane + 3).astype(np.float32)
    mean, basis = geometry.principal_components(rows, 2)
    assert np.allclose(mean, rows.mean(0)) and np.allclose(basis @ basis.T, np.eye(2), atol=1e-5)
    assert np.allclose((rows - mean) @ basis.T @ basis + mean, rows, atol=1e-4)


def test_half_of_the_edits_leave_alone_what_the_pair_leaves_alone() -> None:
    torch.manual_seed(0)
    before, after = torch.tensor([[0.0, 0.5]]).repeat(400, 1), torch.tensor([[0.0, 1.0]]).repeat(400, 1)
    measured = torch.tensor([[0.2, 0.4]]).repeat(400, 1)
    target = geometry.as_asked(before, measured, after)
    assert torch.all(target[:, 1] == 1), "what changes is absolute"
    left_alone = (target[:, 0] == 0.2).float().mean().item()
    assert set(target[:, 0].tolist()) == {0.0, measured[0, 0].item()} and 0.4 < left_alone < 0.6


def test_noisy_controls_stay_legal_and_are_right_on_average() -> None:
    torch.manual_seed(0)
    noisy = geometry.noisy_controls(torch.full((4000, 1), 0.5), 0.08)
    assert noisy.min() >= 0 and noisy.max() <= 1 and abs(noisy.mean().item() - 0.5) < 0.01 and noisy.std() > 0.05


def test_gains_are_measured_on_whole_sources() -> None:
    pairs = some_pairs([3, 4, 5])
    frames = geometry.gain_frames(pairs, 8, seed=0)
    part = pairs.subset(frames)
    assert len(frames) <= 8 and all(len(g) in (3, 4, 5) for g in part.partners())
    assert np.array_equal(part.landmarks[part.source], pairs.landmarks[pairs.source[frames]])
    assert len(geometry.gain_frames(pairs, 0, seed=0)) == 12


def test_a_basis_in_bytes_gives_what_the_basis_gave() -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {"p.landmark_mean": np.zeros(136, np.float32), "p.scale": np.array([2.0], np.float32)}
    for layer, (rows, columns) in {"0": (8, 238), "2": (8, 8), "4": (5, 8)}.items():
        arrays[f"p.{layer}.weight"] = rng.normal(size=(rows, columns)).astype(np.float32) / 4
        arrays[f"p.{layer}.bias"] = rng.normal(size=rows).astype(np.float32)
    arrays["p.basis"] = rng.normal(size=(5, 40)).astype(np.float32) * np.array([[9], [3], [1], [0.1], [0.01]], np.float32)
    stored = geometry.as_bytes(arrays, "p")
    assert stored["p.basis"].dtype == np.int8 and arrays["p.basis"].dtype == np.float32
    landmarks, source, target = rng.random((68, 2)), rng.random(34), rng.random(34)
    share = np.linspace(-0.5, 1.5, 20).clip(0, 1)
    exact, coded = (Perceptron.load(a, "p", share).change(landmarks, source, target, target) for a in (arrays, stored))
    assert np.abs(exact - coded).max() < 0.01 * np.abs(exact).max() and not np.array_equal(exact, coded)


def test_light_that_rises_evenly_is_the_same_gain_everywhere_on_the_face() -> None:
    topology = read_topology()
    mean = read_weights(WEIGHTS)["mesh.mean"].reshape(-1, 2)
    neutral = mean[: len(topology["vertex_weight"])]
    image, lighter = np.full((SIDE, SIDE, 3), 100, np.uint8), np.full((SIDE, SIDE, 3), 120, np.uint8)
    gain = geometry.measure_gain(Warper(topology), image, lighter, neutral, neutral)
    inside = gain[np.abs(gain).max(axis=1) > 0]
    assert np.median(inside) == pytest.approx(np.log(126 / 106), abs=2e-3) and len(inside) > 0.4 * len(gain)


def test_each_half_of_a_face_moves_as_its_own_side_says() -> None:
    rng = np.random.default_rng(1)
    arrays = {"p.landmark_mean": np.zeros(136, np.float32), "p.scale": np.ones(1, np.float32)}
    for layer, (rows, columns) in {"0": (8, 238), "2": (8, 8), "4": (5, 8)}.items():
        arrays |= {f"p.{layer}.weight": rng.normal(size=(rows, columns)) / 9, f"p.{layer}.bias": rng.normal(size=rows)}
    arrays["p.basis"] = rng.normal(size=(5, 40))
    share = rng.permutation(np.linspace(-0.5, 1.5, 20).clip(0, 1))
    model = Perceptron.load({n: a.astype(np.float32) for n, a in arrays.items()}, "p", share.astype(np.float32))
    landmarks, source, left, right = rng.random((68, 2)), *rng.random((3, 34))
    on_left, on_right, both = (model.change(landmarks, source, *goals) for goals in ((left, left), (right, right), (left, right)))
    expected = np.repeat(share, 2) * on_left + (1 - np.repeat(share, 2)) * on_right
    assert np.allclose(both, expected, atol=1e-4) and not np.allclose(on_left, on_right)
    assert np.allclose(model.change(landmarks, source, source, source), 0)
