"""The reader's losses: each a pure function, NaN in a target meaning that it is not known and takes no part."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mimica.reader.outputs import JAW, LIDS, LIPS, POINTS


def masked_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean; 0 where all weights are 0."""
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)


def point_weights(device: torch.device | None = None) -> Tensor:
    """(POINTS,) lids and lips count twice, as every edit hangs on them; the jaw line half, as nobody can say where along it a
    point lies."""
    weights = torch.ones(POINTS, device=device)
    weights[LIDS], weights[LIPS], weights[JAW] = 2.0, 2.0, 0.5
    return weights


def point_loss(points: Tensor, target: Tensor) -> Tensor:
    """Mean distance of (B, POINTS, 2) points in eye distances, rounded near zero (Charbonnier, 0.2% of the eye distance)."""
    known = torch.isfinite(target).all(-1)
    distance = ((points - torch.nan_to_num(target)).square().sum(-1) + 4e-6).sqrt()
    return masked_mean(distance, known * point_weights(points.device))


def pose_loss(pose: Tensor, target: Tensor) -> Tensor:
    """Smooth L1 of (B, 3) angles in units of POSE_UNIT."""
    known = torch.isfinite(target).float()
    return masked_mean(F.smooth_l1_loss(pose, torch.nan_to_num(target), reduction="none", beta=0.1), known)


def au_loss(logits: Tensor, target: Tensor, exact: Tensor, weak: float = 0.25) -> Tensor:
    """(B, 34) intensities: cross-entropy with soft targets, which separates off from on, plus squared error, which scales.
    Labels that another network read (`exact` False) weigh `weak`."""
    known = torch.isfinite(target) * torch.where(exact, 1.0, weak)[:, None]
    wanted = torch.nan_to_num(target)
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return masked_mean(0.5 * entropy + 2.0 * (logits.sigmoid() - wanted).square(), known)


def emotion_loss(logits: Tensor, target: Tensor, class_weights: Tensor) -> Tensor:
    """Cross-entropy of (B, 8) logits; -1 is unknown. Rare emotions weigh more."""
    known = target >= 0
    index = target.clamp(min=0)
    return masked_mean(F.cross_entropy(logits, index, reduction="none"), known * class_weights[index])


def face_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of (B,) logits: is this a face?"""
    return F.binary_cross_entropy_with_logits(logits, target)
