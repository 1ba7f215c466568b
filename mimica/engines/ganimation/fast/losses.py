"""The losses of the fast generator's painter, as pure functions of tensors.

The painter is taught by pairs (`picture_loss`), and by a critic as in GANimation (A. Pumarola et al., ECCV 2018, section 4.2):
patch scores and a head that regresses the Action Units. The paper's WGAN-GP wants five critic steps and as many
gradient penalties for one of the generator; a patch of 112 x 96 pixels gives its 3 x 3 scores little to disagree about, and the
painter starts from a supervised picture. So the critic has the hinge loss (J. H. Lim, J. C. Ye, "Geometric GAN", 2017), whose
scores stop growing once they are right, with the gradient penalty R1 on real patches only, every few steps (L. Mescheder et
al., "Which training methods for GANs do actually converge?", 2018; the lazy form is of StyleGAN2): one critic step a step.
`feature_loss` compares the critic's own features of the painted and the wanted patch (T.-C. Wang et al., "pix2pixHD", 2018).

Pictures are (B, 3, h, w) in [0, 1], attention masks (B, 1, h, w), scores (B, 1, h', w'), Action Units (B, N).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mimica.engines.ganimation.paper.losses import total_variation

INSIDE = 10.0
"""What a pixel inside an opening, or within two of it, counts; elsewhere 1."""


def pixel_loss(painted: Tensor, wanted: Tensor, opening: Tensor) -> Tensor:
    """L1, pixels in the `opening` (B, 1, h, w) counted `INSIDE` times; divided by the number of pixels, not of counts."""
    return ((painted - wanted).abs() * (1 + (INSIDE - 1) * opening)).mean()


def gradient_loss(painted: Tensor, wanted: Tensor) -> Tensor:
    """L1 of the differences of neighbours, to the right plus down."""
    return sum(((painted.diff(dim=d) - wanted.diff(dim=d)).abs().mean() for d in (2, 3)), torch.zeros(()))


def picture_loss(painted: Tensor, wanted: Tensor, opening: Tensor) -> Tensor:
    """What the pairs ask for: pixels, their differences (half), means of 4 x 4 (twice: the right colour before the right
    place)."""
    coarse = (F.avg_pool2d(painted, 4) - F.avg_pool2d(wanted, 4)).abs().mean()
    return pixel_loss(painted, wanted, opening) + 0.5 * gradient_loss(painted, wanted) + 2 * coarse


def attention_loss(attention: Tensor, opening: Tensor, tv_weight: float) -> Tensor:
    """Equation (2) with the sign of this generator, whose A = 1 keeps the warp: tv_weight * TV(A) / pixels + E[1 - A outside the
    opening]; inside nothing is to be kept. A mean in place of the paper's norm: its gradient does not grow as A nears 1, so
    that A is not driven into saturation."""
    return tv_weight * total_variation(attention) / attention[0].numel() + ((1 - attention) * (1 - opening)).mean()


def where_it_matters(opening: Tensor, scores: Tensor) -> Tensor:
    """The opening (B, 1, h, w) -> what each score counts, (B, 1, h', w'): 1 where an opening lies in its cell or within four
    pixels of it, else 0. Everything else is the photo's own skin, on which a critic can only guess."""
    return F.adaptive_max_pool2d(F.max_pool2d(opening, 9, 1, 4), (scores.shape[2], scores.shape[3]))


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """0 where nothing counts."""
    return (values * weights).sum() / weights.sum().clamp(min=1.0)


def hinge_critic_loss(real: Tensor, fake: Tensor, real_weights: Tensor, fake_weights: Tensor) -> Tensor:
    """What the critic minimises: E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))], of the scores that count."""
    return weighted_mean(F.relu(1 - real), real_weights) + weighted_mean(F.relu(1 + fake), fake_weights)


def adversarial_loss(fake: Tensor, weights: Tensor) -> Tensor:
    """What the painter minimises: -E[D(fake)], of the scores that count."""
    return -weighted_mean(fake, weights)


def r1_penalty(gradient: Tensor) -> Tensor:
    """E[|grad D(real)|^2] / 2, of the gradient (B, 3, h, w) of an image's mean score."""
    return gradient.square().flatten(1).sum(1).mean() / 2


def expression_loss(values: Tensor, wanted: Tensor) -> Tensor:
    """A term of equation (3) as a mean over the Action Units, so that its weight does not depend on their number."""
    return (values - wanted).square().mean()


def feature_loss(painted: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """L1 between a critic's features of two pictures, the mean over its layers; no gradient to those of the wanted one."""
    return torch.stack([(a - b.detach()).abs().mean() for a, b in zip(painted, wanted, strict=True)]).mean()
