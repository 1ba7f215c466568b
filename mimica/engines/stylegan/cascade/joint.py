"""The last stage of the generator: body and top together; see the module `train` beside this.

The body draws rebuilt pictures and seeds as in its own critics' stage, a crop of each goes through the top, and the top's critic
and heads judge what comes out. So the top learns to enlarge what the body draws, and the body to draw what can be enlarged. A
critic that saw the body's pictures would tell them from true small ones and learn nothing else, so it is given the block means of
what it judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mimica.engines.stylegan.cascade import losses
from mimica.engines.stylegan.cascade.body import draw, follow_encoder
from mimica.engines.stylegan.cascade.inputs import CROP, cut, random_corners, shrunk
from mimica.engines.stylegan.cascade.judge import Judge, Terms, finish

if TYPE_CHECKING:
    from mimica.engines.stylegan.cascade.train import Cascade
    from mimica.training.task import TrainerView


def joint_step(task: Cascade, image: Tensor, trainer: TrainerView) -> dict[str, Tensor]:
    """One step of generator and encoder, one of all critics."""
    follow_encoder(task, trainer)
    o, generator = task.options, trainer.parts.modules["generator"]
    synthesis: Any = generator.synthesis
    factor = o.image_size // o.entry
    drawn = draw(task, shrunk(image, o.entry), trainer)
    corners = random_corners(len(image), o.entry, o.entry // CROP)
    given, crop = cut(drawn.pictures, corners, o.entry // CROP), cut(image, factor * corners, o.image_size // CROP)
    large = synthesis.enlarged(given, "random", drawn.codes)
    with torch.no_grad():
        compared, judged = task.features.maps(crop)
    large_compared, large_judged = task.features.maps(large)
    n, small = drawn.count, crop.shape[-1] // factor
    rebuilt, wanted = [m[:n] for m in large_compared], [m[:n] for m in compared]
    terms: Terms = {
        "top_pixel": (0.25, (large[:n] - crop[:n]).abs().mean()),
        "top_blocks": (1.0, losses.block_distance(large, _enlarged(given, factor), factor)),
        "top_perceptual": (o.perceptual / 2, losses.relative_distance(rebuilt, wanted)),
    }
    judge = Judge(trainer, "top_", 2 * o.adversarial, 2 * o.projected, 2 * o.gamma)
    top_terms = judge.terms((large, shrunk(large, small)), large_judged, judged)
    terms |= {f"top_{name}": term for name, term in top_terms.items()}
    scalars = finish(drawn.terms | terms, "joint", trainer)
    learnt = judge.learn((crop, shrunk(crop, small)), (large, shrunk(large, small)), judged, large_judged)
    return scalars | drawn.learn() | {f"top_{name}": value for name, value in learnt.items()}


def _enlarged(given: Tensor, factor: int) -> Tensor:
    """Every pixel repeated: its block means are `given`, which the top is to keep (and the body need not follow)."""
    return given.detach().repeat_interleave(factor, 2).repeat_interleave(factor, 3)
