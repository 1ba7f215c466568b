"""VGAN: `mimica train vgan DATA`. C. Vondrick et al., NIPS 2016: the first GANs' loss, and 0.1 times the mask's L1 norm, a
mean here, so that what stands still is left to the picture behind. Adam 2e-4, beta 0.5, batch 64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions, option
from mimica.engines.baselines import losses
from mimica.engines.baselines.domains import frozen
from mimica.engines.baselines.video.clips import SMALL, SMOKE, VideoOptions, VideoTask, as_clip
from mimica.engines.baselines.video.networks import ClipDiscriminator, TwoStreams
from mimica.training.batches import Batch
from mimica.training.task import Parts, TrainerView


@dataclass(frozen=True)
class VganOptions(VideoOptions):
    """The paper's."""

    batch_size: int = option(64, "clips a step", low=2)
    mask_weight: float = option(0.1, "lambda, weight of the mask's mean", low=0)


class Vgan(VideoTask):
    """Two streams, one discriminator."""

    name: ClassVar[str] = "vgan"
    kind: ClassVar[str] = "vgan-generator"
    options_type: ClassVar[type[TrainingOptions]] = VganOptions
    presets: ClassVar[Mapping[str, Preset]] = {"paper": {"steps": 100_000, "workers": 2}, "small": SMALL, "smoke": SMOKE}

    def build(self, options: Any) -> Parts:
        generator, discriminator = self.generator_of(options), ClipDiscriminator(options.width)
        optimisers = {"generator": self.adam(generator), "discriminator": self.adam(discriminator)}
        return Parts({"generator": generator, "discriminator": discriminator}, optimisers, averaged=("generator",))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        real = as_clip(batch["clip"])
        discriminator = trainer.network("discriminator")
        with trainer.autocast():
            fake, mask = trainer.network("generator")(torch.randn(len(real), self.options.latent, device=real.device))
            on_real, on_fake = discriminator(real), discriminator(fake.detach())
        judged = losses.cross_entropy(on_real, 1.0) + losses.cross_entropy(on_fake, 0.0)
        trainer.update("discriminator", judged)
        with frozen(trainer.parts.modules["discriminator"]):
            with trainer.autocast():
                scores = discriminator(fake)
            adversarial = losses.cross_entropy(scores, 1.0)
            trainer.update("generator", adversarial + self.options.mask_weight * mask.mean())
        scalars = {"discriminator": judged, "generator_adversarial": adversarial, "mask_mean": mask.mean()}
        return {name: value.detach() for name, value in scalars.items()}

    def generator_of(self, options: Any) -> nn.Module:
        return TwoStreams(options.latent, options.width)

    def generate(self, generator: nn.Module, count: int, device: torch.device) -> Tensor:
        clip: Tensor = generator(torch.randn(count, self.options.latent, device=device))[0]
        return clip
