"""Options of the VAE's training; the defaults are the slides' (R. de S. Toledo 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mimica.config import TrainingOptions, option


@dataclass(frozen=True)
class VaeOptions(TrainingOptions):
    """Options of the VAE's training; the defaults are the slides'."""

    may_change: ClassVar[frozenset[str]] = frozenset(
        {"decay_every", "learning_rate", "augment", "kl_weight", "head_weight", "face_weight", "late", "perceptual_weight"}
        | {"critic_weight", "change_weight", "erase_weight", "features", "frame_share"}
    )

    image_size: int = option(128, "side of the pictures in pixels", low=8)
    patch: int = option(1, "side of the squares of pixels that go into channels first", low=1)
    channels: tuple[int, ...] = option((32, 64, 128, 256, 256, 256), "channels of the stem and of every level")
    blocks: int = option(1, "residual blocks a level", low=0)
    latent: int = option(150, "numbers in the latent vector", low=1)
    mask_share: float = option(1.0, "channels of the mask's decoder as a share of the picture's", low=0.01, high=4)
    linear_side: int = option(0, "side of the linear path's pictures; it starts from principal components; 0: none", low=0)
    learning_rate: float = option(1e-4, "learning rate of Adam", low=1e-8)
    least_factor: float = option(0.1, "the rate never falls below this share of `learning_rate`", low=0, high=1)
    decay_every: int = option(40_000, "steps after which the rate is multiplied by 1/3, again and again", low=1)
    ssim_weight: float = option(1.0, "weight of 1 - SSIM of the picture", low=0)
    mae_weight: float = option(1.0, "weight of the picture's mean absolute error", low=0)
    mask_weight: float = option(1.0, "weight of the mask's cross-entropy + Dice", low=0)
    kl_weight: float = option(1e-3, "weight of the Kullback-Leibler divergence, nats", low=0)
    kl_warmup: int = option(0, "steps over which the divergence's weight rises from 0", low=0)
    free_bits: float = option(0.0, "nats of each latent number that cost nothing", low=0)
    head_weight: float = option(1.0, "how many times a pixel of the head counts in SSIM and mean absolute error", low=0.1)
    face_weight: float = option(1.0, "how many times more than that a pixel between brows and mouth counts", low=0.1)
    augment: bool = option(True, "mirror, shift, turn, scale and tint the pictures a little")
    photo_repeat: int = option(1, "how often a photo is taken for one of its re-animated frames", low=1)
    code: int = option(0, "channels of a latent map, in place of a vector; the data then need drawn pairs; 0: a vector", low=0)
    frame_share: float = option(0.25, "with code: share of re-animated frames among the pairs", low=0, high=1)
    change_weight: float = option(2.0, "with code: how many times more a pixel counts that its pair changes much", low=0)
    erase_weight: float = option(1.0, "with code: weight of the eraser's error in the latent", low=0)
    late: float = option(0.55, "with code: share of the run after which perceptual term and critic set in", low=0, high=1)
    perceptual_weight: float = option(0.25, "with code: weight of the perceptual term", low=0)
    critic_weight: float = option(0.01, "with code: weight of the critic", low=0)
    features: Path | None = option(None, "with code: MobileNetV2 (a package of nsfwjs) for the perceptual term; else the reader")
