"""How a critic and its heads on frozen features steer a generator, and learn themselves: the same for the body and the top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mimica.engines.stylegan.cascade.losses import hinge_critic, hinge_generator
from mimica.engines.stylegan.losses import discriminator_loss, generator_loss, r1_penalty

if TYPE_CHECKING:
    from mimica.training.task import TrainerView

Terms = dict[str, tuple[float, Tensor]]
"""Name -> weight and value of a term of a loss."""


@dataclass(frozen=True)
class Judge:
    """The modules PREFIXcritic and PREFIXheads of a training, and the weights of their terms; `gamma` is R1's.

    What a critic gets is a tuple, the pictures first; maps are those of `FrozenFeatures`."""

    trainer: TrainerView
    prefix: str
    adversarial: float
    projected: float
    gamma: float

    def terms(self, drawn: tuple[Tensor, ...], drawn_maps: Sequence[Tensor], real_maps: Sequence[Tensor]) -> Terms:
        """What the generator is told. The heads are calibrated when they are first used."""
        modules = self.trainer.parts.modules
        critic = modules[f"{self.prefix}critic"].requires_grad_(False)
        heads: Any = modules[f"{self.prefix}heads"].requires_grad_(False)
        if not bool(heads.scales.ne(1).any()):
            heads.calibrate(real_maps)
        terms = {
            "fooled": (self.adversarial, generator_loss(critic(*drawn))),
            "fooled_heads": (self.projected, hinge_generator(heads(drawn_maps))),
        }
        critic.requires_grad_(True)
        heads.requires_grad_(True)
        return terms

    def learn(
        self, real: tuple[Tensor, ...], drawn: tuple[Tensor, ...], real_maps: Sequence[Tensor], drawn_maps: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """A step of critic and heads."""
        modules, every = self.trainer.parts.modules, self.trainer.task.options.penalty_every
        critic, heads = modules[f"{self.prefix}critic"], modules[f"{self.prefix}heads"]
        penalised = self.trainer.step % every == 0
        pictures = real[0].detach().requires_grad_(penalised)
        real_scores, drawn_scores = critic(pictures, *real[1:]), critic(*(one.detach() for one in drawn))
        of_critic = discriminator_loss(real_scores, drawn_scores)
        of_heads = hinge_critic(heads(real_maps), heads([one.detach() for one in drawn_maps]))
        loss, scalars = of_critic + of_heads, {"critic": of_critic.detach(), "heads": of_heads.detach()}
        if penalised:
            r1 = r1_penalty(real_scores.mean(1), pictures)
            loss = loss + self.gamma * every * r1
            scalars["r1"] = r1.detach()
        self.trainer.update(f"{self.prefix}critic", loss)
        return scalars


def finish(terms: Terms, optimiser: str, trainer: TrainerView) -> dict[str, Tensor]:
    """Take the optimiser's step for the weighted sum; gives the terms."""
    total = torch.stack([weight * term for weight, term in terms.values()]).sum()
    trainer.update(optimiser, total)
    return {name: term.detach() for name, (_, term) in terms.items()}
