"""The losses of GANimation, equations (1) to (5) of the paper, as pure functions of tensors.

`E` is the mean over the batch. Shapes: patch scores (B, h, w), control values (B, N), images (B, 3, H, W), attention masks
(B, 1, H, W). Weights are those of section 5: lambda_gp 10, lambda_A 0.1, lambda_TV 1e-4, lambda_y 4000, lambda_idt 10.

Where the authors' published code does something else than the paper says, `--variant authors-code` does as the code:

    term                 paper (default)                                 authors-code
    AUs, (3)             4000 x E[sum of squares over the AUs]           4000 x mean square / batch size: at batch 25 and
                                                                         17 AUs 425 times weaker
    attention, (2)       0.1 x (1e-4 x E[sum of squared differences]     0.1 x mean of A + 1e-5 x sum of absolute
                         + E[L2 norm of A])                              differences over the whole batch
    gradient penalty     part of the critic's loss                       an optimisation step of its own, after the other
    targets              AUs of a random training image, noise of        the same, not clipped
                         +-0.1, clipped to [0, 1]
    learning rate        falls from two thirds of the training on,       falls after each epoch, the first time after the
                         steadily                                        21st of 30

In both, A = 1 keeps the photo, as equation (1) has it in the paper's final print. Both take the mean over pixels in (4): the
paper writes an L1 norm, which read as a sum over 3 H W values would be a weight of 491,520 instead of 10 at 128 px. The
critic's gradient is that of the sum of an image's patch scores, in both.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mimica.engines.ganimation.paper.networks import blend

__all__ = [
    "attention_loss",
    "attention_loss_of_the_code",
    "attention_norm",
    "blend",
    "critic_loss",
    "cycle_loss",
    "expression_loss",
    "expression_loss_of_the_code",
    "generator_loss",
    "gradient_penalty",
    "interpolate",
    "pair_color_loss",
    "pair_loss",
    "total_variation",
]


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """L_I without its penalty, what the critic minimises: E[D(fake)] - E[D(real)], of patch scores."""
    return fake.mean() - real.mean()


def generator_loss(fake: Tensor) -> Tensor:
    """L_I as the generator sees it: -E[D(fake)], of patch scores."""
    return -fake.mean()


def interpolate(real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """A point on the line from fake to real for each image: `mix` (B,), 1 is the real one."""
    share = mix.view(-1, 1, 1, 1)
    return share * real + (1 - share) * fake


def gradient_penalty(gradient: Tensor) -> Tensor:
    """The third term of L_I, without its weight: E[(|gradient|_2 - 1)^2], the norm over each image."""
    return (torch.linalg.vector_norm(gradient.flatten(1), dim=1) - 1).square().mean()


def total_variation(attention: Tensor) -> Tensor:
    """The sum in (2): E[sum of squared differences between neighbours, down and to the right]."""
    down, right = attention.diff(dim=2), attention.diff(dim=3)
    return (down.square().sum() + right.square().sum()) / len(attention)


def attention_norm(attention: Tensor) -> Tensor:
    """The second term of (2): E[|A|_2]."""
    return torch.linalg.vector_norm(attention.flatten(1), dim=1).mean()


def attention_loss(attention: Tensor, tv_weight: float) -> Tensor:
    """Equation (2): L_A = lambda_TV E[total variation] + E[|A|_2]."""
    return tv_weight * total_variation(attention) + attention_norm(attention)


def attention_loss_of_the_code(attention: Tensor, weight: float, tv_weight: float, batch_size: int) -> Tensor:
    """The code's two attention terms, weighted: mean of A, and absolute differences summed over a batch of `batch_size`."""
    differences = attention.diff(dim=2).abs().sum() + attention.diff(dim=3).abs().sum()
    return weight * attention.mean() + tv_weight * differences * (batch_size / len(attention))


def expression_loss(values: Tensor, wanted: Tensor) -> Tensor:
    """One term of equation (3): E[|values - wanted|_2^2], a sum over the AUs."""
    return (values - wanted).square().sum(1).mean()


def expression_loss_of_the_code(values: Tensor, wanted: Tensor, batch_size: int) -> Tensor:
    """The code's term: the mean square over batch and AUs, divided by the batch size once more."""
    return (values - wanted).square().mean() / batch_size


def cycle_loss(reconstruction: Tensor, image: Tensor) -> Tensor:
    """Equation (4): the mean absolute difference between the photo and what came back of it."""
    return (reconstruction - image).abs().mean()


def pair_loss(fake: Tensor, wanted: Tensor, paired: Tensor) -> Tensor:
    """Not in the paper: the mean absolute difference to the wanted picture, over the images for which `paired` (B,) is 1."""
    each = (fake - wanted).abs().flatten(1).mean(1)
    return (each * paired).sum() / paired.sum().clamp(min=1)


def pair_color_loss(color: Tensor, image: Tensor, wanted: Tensor, paired: Tensor) -> Tensor:
    """Not in the paper: the same of the color mask, weighted by how much photo and wanted picture differ around a pixel.

    Without it A = 1 is a trap: a copy is better than the first colors, and where A is 1 the colors have no gradient."""
    differ = F.avg_pool2d((wanted - image).abs().mean(1, keepdim=True), 9, 1, 4)
    weight = differ / differ.mean((1, 2, 3), keepdim=True).clamp(min=1e-6)
    return pair_loss(weight * color, weight * wanted, paired)
