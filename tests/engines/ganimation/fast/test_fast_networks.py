"""The painter's equation in torch and in numpy, and its critic, against independent expressions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mimica.engines.ganimation.fast import painter
from mimica.engines.ganimation.fast.networks import PatchCritic, PatchPainter, ShippedPainter, compose, on_pictures, on_unshuffled


def test_what_is_trained_is_what_is_composed_at_work() -> None:
    part = painter.PARTS["eye_right"]
    rng = np.random.default_rng(0)
    maps = rng.random((8, part.height, part.width)).astype(np.float32)
    still, drawing, warped = (rng.random((part.height, part.width, 3)).astype(np.float32) * 255 for _ in range(3))
    opening = np.zeros((240, 240), np.float32)
    opening[90 : 90 + part.height, 80 : 80 + part.width] = rng.random((part.height, part.width))
    paint = painter.composed(part, (80, 90), maps, opening, drawing, 1, 1.0)
    at_work = paint.warped * warped + paint.still[..., None] * still + paint.color
    alpha = painter.part_of(opening, (80, 90), part, 1)[..., None]
    stacked = np.concatenate([warped, still, drawing, alpha * 255, alpha * 0], axis=2).transpose(2, 0, 1)[None] / 255
    trained = compose(torch.from_numpy(maps[None]).log_().exp_(), torch.from_numpy(stacked))
    inner = np.s_[painter.FEATHER : -painter.FEATHER, painter.FEATHER : -painter.FEATHER]
    assert np.allclose(trained[0].permute(1, 2, 0).numpy()[inner] * 255, at_work[inner], atol=0.02)


def test_a_fresh_painter_leaves_the_warp_nearly_alone() -> None:
    torch.manual_seed(0)
    network = PatchPainter(68)
    pictures = torch.rand(2, 11, 48, 64)
    pictures[:, 9:] = 0  # nothing is open
    maps = network(pictures, torch.rand(2, 68))
    assert maps.shape == (2, 8, 48, 64) and maps[:, 0].min() > 0.9
    assert torch.allclose(compose(maps, pictures), 0.95257 * pictures[:, :3] + (1 - 0.95257) * 0.5, atol=1e-3)


def test_the_critic_is_three_convolutions_a_score_and_a_regression() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(controls=5, width=4)
    pictures = torch.rand(2, 3, 48, 64)
    x = pictures * 2 - 1
    for layer in critic.layers:
        x = F.conv2d(x, layer.weight, layer.bias, stride=2, padding=1)
        x = torch.where(x > 0, x, 0.1 * x)
    wanted = F.conv2d(x, critic.score.weight, critic.score.bias, padding=2)
    scores, values = critic(pictures)
    assert torch.allclose(scores, wanted, atol=1e-6) and scores.shape == (2, 1, 6, 8) and values.shape == (2, 5)


def test_a_score_sees_54_pixels() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(1, 3, 96, 112, requires_grad=True)
    PatchCritic(width=4)(pictures)[0][0, 0, 6, 7].backward()
    seen = pictures.grad.abs().sum((0, 1))
    rows, columns = (int((seen.sum(axis) > 0).sum()) for axis in (1, 0))
    assert (rows, columns) == (54, 54)


@pytest.mark.parametrize("open_before", [0.0, 1.0])
def test_the_photo_itself_is_shown_where_it_shows_the_inside(open_before: float) -> None:
    pictures = torch.zeros(1, 11, 48, 64)
    pictures[:, -1] = open_before
    share = PatchPainter(68)(pictures, torch.zeros(1, 68))[:, 1]
    assert share.min() > 0.9 if open_before else share.max() < 0.1


@torch.no_grad()
def test_a_shipped_painter_gives_what_the_trained_one_gives() -> None:
    painter = PatchPainter(68).eval()
    torch.nn.init.normal_(painter.output.weight, 0, 0.1)
    pictures, condition = torch.rand(1, 11, 48, 64), torch.rand(1, 68)
    assert torch.allclose(ShippedPainter(painter)(pictures, condition), painter(pictures, condition), atol=1e-5)
    weight = painter.encode1[0][0].weight
    assert torch.equal(on_unshuffled(on_pictures(weight)), weight)
