"""The losses against numbers worked out by hand; the inputs of the top."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mimica.engines.stylegan.cascade.inputs import crops, dirtied, jittered, shrunk
from mimica.engines.stylegan.cascade.losses import (
    block_distance,
    face_weight,
    hinge_critic,
    hinge_generator,
    relative_distance,
    weighted_distance,
)


def test_pixels_are_weighted() -> None:
    a, b = torch.zeros(1, 1, 1, 2), torch.tensor([[[[1.0, 0.5]]]])
    assert float(weighted_distance(a, b, torch.tensor([[[[3.0, 1.0]]]]))) == pytest.approx((3 * 1 + 0.5) / 4)
    weight = face_weight(64, 1.0)
    assert weight.shape == (1, 1, 64, 64) and float(weight[0, 0, 37, 32]) == pytest.approx(2.0, abs=1e-3)
    assert float(weight[0, 0, 0, 0]) == pytest.approx(1.0, abs=1e-3)
    edge = math.exp(-(((0.5 + 0.5 / 64 - 0.5) / 0.24) ** 4))
    u2 = ((32.5 / 64 - 0.5) / 0.24) ** 2 + ((20.5 / 64 - 0.58) / 0.26) ** 2
    assert float(weight[0, 0, 20, 32]) == pytest.approx(1 + math.exp(-(u2**2)), abs=1e-4) and edge < 1
    assert torch.equal(face_weight(8, 0.0), torch.ones(1, 1, 8, 8))


def test_blocks_see_means_only() -> None:
    a = torch.zeros(1, 3, 4, 4)
    fine = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(2, 2).expand(1, 3, 4, 4)
    assert float(block_distance(fine, a)) == pytest.approx(0.0, abs=1e-6)
    assert float(block_distance(a + 0.25, a)) == pytest.approx(0.25)
    assert float(block_distance(fine, a, 1)) == pytest.approx(1.0)


def test_features_are_compared_by_their_variance() -> None:
    real = torch.tensor([0.0, 2.0, 4.0, 6.0]).view(1, 1, 2, 2)  # variance 20 / 3
    assert float(relative_distance([real + 1], [real])) == pytest.approx(3 / 20)
    assert float(relative_distance([real, 10 * (real + 1)], [real, 10 * real])) == pytest.approx(0.5 * 3 / 20)


def test_hinges() -> None:
    assert float(hinge_critic(torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.5]))) == pytest.approx(0.25 + 0.75)
    assert float(hinge_generator(torch.tensor([1.0, 3.0]))) == pytest.approx(-2.0)


def test_a_crop_of_the_small_picture_is_the_small_crop() -> None:
    torch.manual_seed(0)
    place = torch.arange(64.0)
    picture = (place[None, :] + 100 * place[:, None]).expand(4, 3, 64, 64)
    cut, below = crops(picture, 4)
    assert cut.shape == (4, 3, 32, 32) and torch.equal(cut[0, 0, 1] - cut[0, 0, 0], torch.full((32,), 100.0))
    corners = cut[:, 0, 0, 0]
    assert torch.all(corners % 100 % 4 == 0) and torch.all((corners // 100) % 4 == 0) and len(set(corners.tolist())) > 1
    small = shrunk(picture, 16)
    y, x = int(corners[1] // 400), int(corners[1] % 100 // 4)
    assert torch.allclose(shrunk(cut, 8)[1], small[1, :, y : y + 8, x : x + 8]) and torch.allclose(below, shrunk(cut, 8))
    torch.manual_seed(0)
    again, below = crops(picture, 4, small + 5)
    assert torch.equal(again, cut) and torch.allclose(below, shrunk(cut, 8) + 5), "the same place of the given picture"


def test_dirt_is_a_blur_and_noise_and_can_be_none() -> None:
    torch.manual_seed(0)
    small = torch.rand(64, 3, 8, 8)
    assert dirtied(small, 0.0) is small
    once, twice = ((dirtied(small, amount) - small).square().mean() for amount in (0.5, 1.0))
    assert 0 < once < twice
    flat = dirtied(torch.zeros(64, 3, 8, 8), 1.0)
    assert 0.01 < float(flat.std()) < 0.04  # noise of a deviation between 0 and 0.04
    changed = (dirtied(small, 1.0) - small).square().mean((1, 2, 3)) > 2 * (0.04**2)
    assert 0.2 < float(changed.float().mean()) < 0.6
    assert not torch.equal(F.avg_pool2d(small, 3, 1), small[:, :, 1:-1, 1:-1])


def test_jitter_moves_and_tones_each_picture_by_itself() -> None:
    torch.manual_seed(0)
    ramp = torch.linspace(-0.5, 0.5, 32).expand(64, 3, 32, 32)
    assert jittered(ramp, 0.0) is ramp
    assert torch.allclose(jittered(ramp, 1e-4), ramp, atol=1e-3)
    moved = jittered(ramp, 1.0)
    assert moved.shape == ramp.shape and float(moved.abs().max()) <= 1
    middle = moved[:, :, 8:24, 8:24]
    slope = (middle[..., 1:] - middle[..., :-1]).mean((1, 2, 3)) * 31  # 1 for the ramp: size, turn and gain change it
    assert 0.02 < float(slope.std()) < 0.12 and abs(float(slope.mean()) - 1) < 0.05
    tilt = (middle[:, :, 1:] - middle[:, :, :-1]).mean((1, 2, 3)) * 31  # 0 for the ramp: the sine of the turn
    assert 0.03 < float(tilt.std()) < 0.08


def test_jitter_keeps_a_picture_of_one_colour_of_one_colour() -> None:
    torch.manual_seed(0)
    flat = jittered(torch.full((16, 3, 16, 16), 0.25), 1.0)
    assert float((flat.amax((2, 3)) - flat.amin((2, 3))).max()) < 1e-5  # mirrored at the border, not filled with black
    assert 0.02 < float(flat[:, :, 0, 0].std()) < 0.1
