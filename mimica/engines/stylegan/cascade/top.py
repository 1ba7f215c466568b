"""The steps of the two stages of the top, on pictures (B, 3, S, S) in [-1, 1]; see the module `train` beside this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mimica.engines.stylegan.cascade import losses
from mimica.engines.stylegan.cascade.inputs import crops, dirtied, shrunk
from mimica.engines.stylegan.cascade.judge import Judge, Terms, finish

if TYPE_CHECKING:
    from mimica.engines.stylegan.cascade.train import Cascade
    from mimica.training.task import TrainerView

NOISE_STRENGTH = 0.05
"""Of all noise inputs when the critics begin."""


STAGES = ("top", "top_critics")


def step(task: Cascade, image: Tensor, trainer: TrainerView, critics: bool, given: Tensor | None = None) -> dict[str, Tensor]:
    """Crops, small and dirtied, to crops; judged with `critics`. What is enlarged are crops of `given` (B, 3, entry, entry)
    where such pictures are there."""
    o = task.options
    factor = o.image_size // o.entry
    crop, small = crops(image, factor, given)
    generator: Any = trainer.parts.modules["generator"]
    drawn = generator.synthesis.enlarged(dirtied(small, o.dirt), "random" if critics and o.noise else "none")
    with torch.no_grad():
        compared, judged = task.features.maps(crop)
    drawn_compared, drawn_judged = task.features.maps(drawn)
    terms: Terms = {
        "pixel": (0.5 if critics else 1.0, (drawn - crop).abs().mean()),
        "blocks": (1.0, losses.block_distance(drawn, crop, factor)),
        "perceptual": (o.perceptual / 2, losses.relative_distance(drawn_compared, compared)),
    }
    if not critics:
        return finish(terms, "top", trainer)
    judge = Judge(trainer, "top_", 2 * o.adversarial, 2 * o.projected, 2 * o.gamma)
    # A given picture is not quite the crop's: each is judged by the detail that it has beyond itself made small.
    below = (small, small) if given is None else (shrunk(crop, small.shape[-1]), shrunk(drawn, small.shape[-1]))
    scalars = finish(terms | judge.terms((drawn, below[1]), drawn_judged, judged), "top", trainer)
    return scalars | judge.learn((crop, below[0]), (drawn, below[1]), judged, drawn_judged)


@torch.no_grad()
def start_noise(synthesis: Any) -> None:
    """Give the top's noise inputs their first strength."""
    for layer in synthesis.layers[2 * synthesis.entry + 1 :]:
        layer.noise_strength.fill_(NOISE_STRENGTH)
