"""StarGAN, one generator for all domains: `mimica train stargan DATA`.

Y. Choi et al., CVPR 2018, section 3 and 5: WGAN-GP on patches, a domain classifier on the same trunk (2, 3), the cycle back to
the photo's own domain (4); weights 1, 10 and 10; five steps of the critic for one of the generator; Adam 1e-4, betas 0.5 and
0.999, batch 16, 200,000 steps, the rate falling to 0 over the last half.

With `labels=emotions+units` there are two sets of labels, as when CelebA and RaFD are joined (section 3.3): a face's emotion,
known for some, and which Action Units it shows, known for all. The label is then [emotion, units, mask] (7); the mask says
which of the two is meant, the other one is 0, and only what is known of a face is classified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from mimica.config import Preset, TrainingOptions, option
from mimica.engines.baselines import losses
from mimica.engines.baselines.domains import SMALL, SMOKE, DomainSource, frozen, one_hot
from mimica.engines.baselines.networks import DomainCritic, ResidualGenerator
from mimica.engines.baselines.translators import TranslatorOptions, TranslatorTask
from mimica.model_files.checkpoint import Weights
from mimica.pictures.pixels import as_input, as_pictures
from mimica.training.batches import Batch, Draw
from mimica.training.task import Parts, TrainerView

SHOWN = 0.3
"""Intensity from which on an Action Unit counts as shown, where labels are yes or no."""


@dataclass(frozen=True)
class StarganOptions(TranslatorOptions):
    """The paper's."""

    batch_size: int = option(16, "samples a step, over all processes together", low=1)
    learning_rate: float = option(1e-4, "learning rate of both Adams", low=1e-8)
    critic_steps: int = option(5, "steps of the critic for one of the generator", low=1)
    class_weight: float = option(1.0, "lambda_cls, weight of the domain classification", low=0)
    cycle_weight: float = option(10.0, "lambda_rec, weight of the cycle loss", low=0)
    penalty_weight: float = option(10.0, "lambda_gp, weight of the gradient penalty", low=0)
    labels: Literal["emotions", "emotions+units"] = option(
        "emotions", "what faces are labelled with; two sets take a mask vector"
    )


class StarganSource(DomainSource):
    """With two sets of labels, every other face, on average, is any face at all, known by its Action Units: `group` is 1."""

    def __len__(self) -> int:
        return len(self.faces) if self._joined else super().__len__()

    @property
    def _joined(self) -> bool:
        return getattr(self.options, "labels", "") == "emotions+units"

    def _row(self, draw: Draw) -> dict[str, np.ndarray]:
        random = np.random.default_rng(draw.seed)
        if self._joined and random.random() < 0.5:
            face = self._face(draw.item, random)
            other = self.faces.values[int(random.integers(len(self.faces)))]
            rest: dict[str, Any] = {"domain": np.int64(0), "target": np.int64(0), "mix": np.float32(random.random())}
            return face | rest | {"wanted": other, "group": np.int64(1)}
        row: dict[str, Any] = super()._row(draw)
        return row | {"wanted": row["values"], "group": np.int64(0)}


def label_vector(domain: Tensor, count: int, units: Tensor | None, group: Tensor) -> Tensor:
    """Equation (7): (B, count) for one set of labels; with `units` (B, M) of the other, (B, count + M + 2)."""
    emotion = one_hot(domain, count)
    if units is None:
        return emotion
    mask = one_hot(group, 2)
    return torch.cat([emotion * mask[:, :1], (units > SHOWN).float() * mask[:, 1:], mask], dim=1)


class Stargan(TranslatorTask):
    """One generator, one critic."""

    name: ClassVar[str] = "stargan"
    kind: ClassVar[str] = "stargan-generator"
    options_type: ClassVar[type[TrainingOptions]] = StarganOptions
    presets: ClassVar[Mapping[str, Preset]] = {"paper": {"steps": 200_000, "workers": 2}, "small": SMALL, "smoke": SMOKE}
    source_type: ClassVar[type[DomainSource]] = StarganSource

    @property
    def _units(self) -> int:
        return len(self.faces.controls) if self.options.labels == "emotions+units" else 0

    def build(self, options: Any) -> Parts:
        count, units = len(self.domains), self._units
        generator = ResidualGenerator(count + units + 2 * bool(units), options.width, options.blocks, affine=True)
        self.begin({"generator": generator})
        critic = DomainCritic(count + units, options.image_size, options.width)
        optimisers = {"generator": self.adam(generator), "critic": self.adam(critic)}
        return Parts({"generator": generator, "critic": critic}, optimisers, ("generator",), ("critic",))

    def _labels(self, batch: Batch, domain: str, units: str) -> Tensor:
        return label_vector(batch[domain], len(self.domains), batch[units] if self._units else None, batch["group"])

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        o, image, count = self.options, as_input(batch["image"]), len(self.domains)
        own, wanted = self._labels(batch, "domain", "values"), self._labels(batch, "target", "wanted")
        generator, critic = trainer.network("generator"), trainer.network("critic")
        if o.copying:
            with trainer.autocast():
                return self.copy_step(trainer, "generator", [(generator(image, own), image)])
        turn = (trainer.step + 1) % o.critic_steps == 0
        with torch.set_grad_enabled(turn), trainer.autocast():
            fake = generator(image, wanted)
        with trainer.autocast():
            (real_scores, seen), (fake_scores, _) = critic(image), critic(fake.detach())
            penalty = losses.gradient_penalty(trainer.parts.modules["critic"], image, fake, batch["mix"])
        classed = losses.domain_loss(seen, own, batch["group"], count)
        loss = losses.wasserstein_critic(real_scores, fake_scores) + o.class_weight * classed + o.penalty_weight * penalty  # (5)
        trainer.update("critic", loss)
        scalars = {"critic_class": classed, "critic_penalty": penalty, "critic_distance": real_scores.mean() - fake_scores.mean()}
        if turn:
            with frozen(trainer.parts.modules["critic"]):
                with trainer.autocast():
                    (scores, seen), back = critic(fake), generator(fake, own)
                parts = {
                    "generator_adversarial": -scores.mean(),
                    "generator_class": losses.domain_loss(seen, wanted, batch["group"], count),
                    "generator_cycle": losses.cycle_loss(back, image),
                }
                weights = (1.0, o.class_weight, o.cycle_weight)
                trainer.update(
                    "generator", torch.stack([w * v for w, v in zip(weights, parts.values(), strict=True)]).sum()
                )  # (6)
            scalars |= parts
        return {name: value.detach() for name, value in scalars.items()}

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """The photo, then each domain; a row a face."""
        image = as_input(batch["image"])
        group, units = torch.zeros_like(batch["group"]), batch["values"] if self._units else None
        shown = [image]
        for domain in range(len(self.domains)):
            label = label_vector(torch.full_like(batch["domain"], domain), len(self.domains), units, group)
            shown.append(trainer.best("generator")(image, label))
        return np.stack([as_pictures(x) for x in shown], axis=1)

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        return {"generator": self.exported(trainer, {"units": self._units}, "generator")}
