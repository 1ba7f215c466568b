"""The steps of the two stages of the body, on pictures (B, 3, entry, entry) in [-1, 1]; see the module `train` beside this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mimica.engines.stylegan.cascade import losses
from mimica.engines.stylegan.cascade.critics import augment
from mimica.engines.stylegan.cascade.inputs import jittered, shrunk
from mimica.engines.stylegan.cascade.judge import Judge, Terms, finish
from mimica.engines.stylegan.cascade.options import stage_at

if TYPE_CHECKING:
    from mimica.engines.stylegan.cascade.train import Cascade
    from mimica.training.task import TrainerView

STAGES = ("autoencoder", "critics", "encoder")
"""The stages whose pictures are the body's."""
FEATURE_SIZE = 128
"""Side of the pictures whose features are taken."""
_WHOLE, _FACE = (0.8, 1.0), (0.5, 0.7)
"""Sides of the windows that are enlarged, between these shares of the picture's."""


def autoencoder_step(task: Cascade, image: Tensor, trainer: TrainerView) -> dict[str, Tensor]:
    """Pictures -> encoder -> w with noise -> pictures, with pixel and perceptual terms."""
    o, picture = task.options, shrunk(jittered(image, task.options.jitter), task.options.entry)
    encoder: Any = trainer.parts.modules["encoder"]
    generator: Any = trainer.parts.modules["generator"]
    w, changes = encoder(picture)
    encoder.update_moments(w.detach(), min(0.998, (1 + trainer.step) / (10 + trainer.step)))
    rebuilt = generator.synthesis.small(placed_codes(task, w, changes), "none")
    window = feature_window(picture.shape[-1])
    wanted = _maps(task, picture, window)[0]
    terms = pixel_terms(task, rebuilt, picture) | {
        "prior": (o.prior, w.square().mean()),
        "changes": (o.changes, changes.square().mean()),
        "perceptual": (o.perceptual, losses.relative_distance(_maps(task, rebuilt, window)[0], wanted)),
    }
    return finish(terms, "autoencoder", trainer)


@dataclass(frozen=True)
class Drawn:
    """What the body drew in one step: `pictures` of `codes` (B, num_ws, w_size), the first `count` of which rebuild the batch's;
    the terms of its loss; and `learn`, a step of its critics, to be taken after the generator's."""

    pictures: Tensor
    codes: Tensor
    count: int
    terms: Terms
    learn: Callable[[], dict[str, Tensor]]


def critics_step(task: Cascade, image: Tensor, trainer: TrainerView) -> dict[str, Tensor]:
    """Part of the batch rebuilt, the rest from seeds; both are judged, the first have targets too."""
    follow_encoder(task, trainer)
    drawn = draw(task, shrunk(image, task.options.entry), trainer)
    return finish(drawn.terms, "critics", trainer) | drawn.learn()


def draw(task: Cascade, picture: Tensor, trainer: TrainerView) -> Drawn:
    """The body's part of a step with critics; `picture` (B, 3, entry, entry)."""
    o, modules = task.options, trainer.parts.modules
    generator: Any = modules["generator"]
    count = len(picture) - max(1, int(o.sampled * len(picture)))  # so many are rebuilt
    with torch.set_grad_enabled(o.encoder_share > 0):
        w, changes = modules["encoder"](picture[:count])
    seeds = seed_codes(generator.mapping, len(picture) - count)
    codes = torch.cat([placed_codes(task, w, changes), generator.synthesis.spread(seeds)])
    drawn = generator.synthesis.small(codes, "none")
    window = feature_window(picture.shape[-1])
    with torch.no_grad():
        compared, judged = _maps(task, picture, window)
    drawn_compared, drawn_judged = _maps(task, drawn, window)
    terms = pixel_terms(task, drawn[:count], picture[:count]) | {"changes": (o.changes, changes.square().mean())}
    rebuilt_maps, wanted = [m[:count] for m in drawn_compared], [m[:count] for m in compared]
    terms["perceptual"] = (o.perceptual, losses.relative_distance(rebuilt_maps, wanted))
    changed, judge = augment(drawn), Judge(trainer, "", o.adversarial, o.projected, o.gamma)
    terms |= judge.terms((changed,), drawn_judged, judged)
    return Drawn(drawn, codes, count, terms, lambda: judge.learn((augment(picture),), (changed,), judged, drawn_judged))


def encoder_step(task: Cascade, image: Tensor, trainer: TrainerView) -> dict[str, Tensor]:
    """The generator stands still; the encoder learns w and a small change of it for each place. The picture of w alone and that
    with the changes count alike: seeds blend what w is, and edits move it."""
    o, picture = task.options, shrunk(jittered(image, task.options.jitter), task.options.entry)
    generator: Any = trainer.parts.modules["generator"].requires_grad_(False)
    w, changes = trainer.parts.modules["encoder"](picture)
    rebuilt = generator.synthesis.small(torch.cat([generator.synthesis.spread(w), w[:, None] + changes]), "none")
    window = feature_window(picture.shape[-1])
    wanted = [one.repeat(2, 1, 1, 1) for one in _maps(task, picture, window)[0]]
    terms = pixel_terms(task, rebuilt, picture.repeat(2, 1, 1, 1)) | {
        "changes": (o.changes, changes.square().mean()),
        "perceptual": (o.perceptual, losses.relative_distance(_maps(task, rebuilt, window)[0], wanted)),
    }
    return finish(terms, "encoder", trainer)


def placed_codes(task: Cascade, w: Tensor, changes: Tensor) -> Tensor:
    """Codes (B, num_ws, w_size) of pictures to rebuild: w and a little noise, in the first of them each place has its change."""
    chosen = torch.arange(len(w), device=w.device) < round(task.options.placed * len(w))
    noisy = w + task.options.spread * torch.randn_like(w)
    return noisy[:, None] + changes * chosen[:, None, None]


def follow_encoder(task: Cascade, trainer: TrainerView) -> None:
    """Fit the seeds' codes to the encoder's running mean when a stage begins, and every so many steps."""
    since = trainer.step - stage_at(task.stages, trainer.step).start
    if since % task.options.mapping_every == 0:
        generator = trainer.parts.modules["generator"]
        task.fit_mapping(generator, trainer.best("encoder"))


def pixel_terms(task: Cascade, pictures: Tensor, wanted: Tensor) -> Terms:
    return {
        "pixel": (1.0, losses.weighted_distance(pictures, wanted, task.weight.to(pictures.device))),
        "blocks": (2.0, losses.block_distance(pictures, wanted)),
    }


def feature_window(size: int) -> tuple[int, int, int]:
    """(y, x, side) of what is enlarged for the features: most of the picture, or (every second time) the face, whose eyes and
    mouth are then seen larger. Side and place are random, so that the strides of the features' network fall on other pixels each
    time, and no pattern of a few pixels can hide between them."""
    face = bool(torch.rand(()) < 0.5)
    low, high = _FACE if face else _WHOLE
    side = round(size * (low + (high - low) * float(torch.rand(()))))
    free = size - side
    ranges = ((0.5, 0.8), (0.3, 0.7)) if face else ((0.0, 1.0), (0.0, 1.0))
    y, x = (round(free * (start + (stop - start) * float(torch.rand(())))) for start, stop in ranges)
    return y, x, side


def _maps(task: Cascade, pictures: Tensor, window: tuple[int, int, int]) -> tuple[list[Tensor], list[Tensor]]:
    """Features of the window at `FEATURE_SIZE`."""
    y, x, side = window
    part = pictures[:, :, y : y + side, x : x + side]
    large = F.interpolate(part, size=(FEATURE_SIZE, FEATURE_SIZE), mode="bilinear", align_corners=False)
    return task.features.maps(large.contiguous(memory_format=torch.channels_last))


@torch.no_grad()
def seed_codes(mapping: Any, count: int) -> Tensor:
    """w (count, w_size) of random seeds. Not truncated: near the mean the base is smooth, which invites grain."""
    w: Tensor = mapping(torch.randn(count, mapping.z_size, device=mapping.values.device))
    return w


@torch.no_grad()
def still_noise(synthesis: Any) -> None:
    """Take the body's noise inputs away. With them (strength 0.02 at first) the critics were answered with noise: grain on every
    skin within 600 steps, which the top made worse."""
    for layer in synthesis.layers[: 2 * synthesis.entry + 1]:
        layer.noise_strength.zero_()
