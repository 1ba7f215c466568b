"""The losses of the baselines as pure functions of tensors.

`E` is the mean over the batch. Shapes: scores (B, ...), images (B, 3, S, S), labels (B, N). Equation numbers are those of the
paper named (see `mimica.engines.baselines.networks`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# --- adversarial ------------------------------------------------------------------------------------------------------


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """StarGAN (8) without its penalty, what the critic minimises: E[D(fake)] - E[D(real)]."""
    return fake.mean() - real.mean()


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """StarGAN (8), the penalty without its weight: E[(|gradient of D at mix real + (1 - mix) fake|_2 - 1)^2]. `mix` is (B,);
    the gradient is that of the sum of an image's patch scores."""
    share = mix.view(-1, 1, 1, 1)
    point = (share * real + (1 - share) * fake).detach().requires_grad_()
    scores = critic(point)
    scores = scores[0] if isinstance(scores, tuple) else scores
    (gradient,) = torch.autograd.grad(scores.sum(), point, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def squares(scores: Tensor, wanted: float) -> Tensor:
    """CycleGAN's adversarial loss, least squares (X. Mao et al. 2017) in place of the logarithms of (1): E[(D - wanted)^2]."""
    return (scores - wanted).square().mean()


def cross_entropy(scores: Tensor, wanted: float) -> Tensor:
    """The first GANs' adversarial loss (DIAT, IcGAN): -E[log sigmoid(D)] for `wanted` 1, -E[log(1 - sigmoid(D))] for 0."""
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, wanted))


# --- labels -----------------------------------------------------------------------------------------------------------


def domain_loss(scores: Tensor, label: Tensor, group: Tensor, kinds: int) -> Tensor:
    """StarGAN (2), (3) and section 3.3: cross entropy of what is known of each image. The first `kinds` labels exclude each
    other and are known where `group` (B,) is 0; the others may come together (a sum over them) and are known where it is 1."""
    of_kind = F.cross_entropy(scores[:, :kinds], label[:, :kinds].argmax(1), reduction="none")
    if scores.shape[1] == kinds:
        return of_kind.mean()
    others = F.binary_cross_entropy_with_logits(scores[:, kinds:], label[:, kinds : scores.shape[1]], reduction="none").sum(1)
    return torch.where(group == 0, of_kind, others).mean()


# --- the same person --------------------------------------------------------------------------------------------------


def cycle_loss(back: Tensor, image: Tensor) -> Tensor:
    """StarGAN (4), CycleGAN (2): the mean absolute difference of an image and what came back of it."""
    return (back - image).abs().mean()


def feature_loss(maps: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """DIAT's identity loss on feature maps (of the discriminator in its variant DIAT-A): the sum over maps of mean squares."""
    total = torch.zeros((), device=maps[0].device)
    for one, other in zip(maps, wanted, strict=True):
        total = total + (one - other).square().mean()
    return total


def squared_distance(code: Tensor, wanted: Tensor) -> Tensor:
    """IcGAN (2) and (3): E[|code - wanted|_2^2]."""
    return (code - wanted).square().sum(1).mean()
