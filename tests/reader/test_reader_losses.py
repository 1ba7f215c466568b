"""The reader's losses against numbers worked out by hand."""

import math

import pytest
import torch

from mimica.reader import losses
from mimica.reader.outputs import POINTS


def test_masked_mean():
    assert losses.masked_mean(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 3.0])).item() == pytest.approx(2.5)
    assert losses.masked_mean(torch.tensor([1.0]), torch.zeros(1)).item() == 0


def test_point_loss_weighs_lips_four_times_the_jaw_and_skips_the_unknown():
    target = torch.full((1, POINTS, 2), math.nan)
    target[0, 0] = torch.tensor([3.0, 4.0])  # the jaw, weight 0.5, 5 away
    target[0, 50] = torch.tensor([0.0, 1.0])  # the lips, weight 2, 1 away
    expected = (0.5 * 5 + 2 * 1) / 2.5
    assert losses.point_loss(torch.zeros(1, POINTS, 2), target).item() == pytest.approx(expected, rel=1e-4)


def test_pose_loss_is_smooth_l1():
    target = torch.tensor([[1.0, math.nan, 0.05]])
    expected = ((1 - 0.05) + 0.5 * 0.05**2 / 0.1) / 2
    assert losses.pose_loss(torch.zeros(1, 3), target).item() == pytest.approx(expected, rel=1e-5)


def test_au_loss_weighs_weak_labels_less():
    logits, target = torch.zeros(2, 34), torch.full((2, 34), math.nan)
    target[0, 0], target[1, 0] = 1.0, 0.5
    exact, weak = (0.5 * math.log(2) + 2 * 0.25), 0.5 * math.log(2)
    both = losses.au_loss(logits, target, torch.tensor([True, False]), weak=0.25)
    assert both.item() == pytest.approx((exact + 0.25 * weak) / 1.25, rel=1e-5)


def test_emotion_loss_ignores_the_unknown():
    logits = torch.zeros(3, 8)
    weights = torch.ones(8)
    loss = losses.emotion_loss(logits, torch.tensor([1, -1, -1]), weights)
    assert loss.item() == pytest.approx(math.log(8), rel=1e-5)


def test_face_loss():
    assert losses.face_loss(torch.zeros(2), torch.tensor([0.0, 1.0])).item() == pytest.approx(math.log(2), rel=1e-5)
