"""DIAT for one pair of domains, one way: `mimica train diat DATA --set domains=neutral,happiness`.

M. Li, W. Zuo, D. Zhang, "Deep identity-aware transfer of facial attributes" (2016, the first version, which GANimation and
StarGAN cite): a transform network is shown whether its pictures pass for faces of the wanted domain (attribute loss), whether
they are still the person (identity loss) and how much noise a small denoising network finds in them (perceptual
regularisation).

Of its two variants this is DIAT-A, whose identity loss compares feature maps of the discriminator, the last two here; the other
one takes those of VGG-Face, whose weights Mimica does not ship. What the description leaves open is our choice and stands in the
options: the weights of the terms, the noise, Adam as the others have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from mimica.config import Preset, TrainingOptions, option
from mimica.engines.baselines import losses
from mimica.engines.baselines.domains import SMALL, SMOKE, frozen
from mimica.engines.baselines.networks import Denoiser, PatchDiscriminator, ResidualGenerator
from mimica.engines.baselines.translators import TranslatorOptions, TranslatorTask
from mimica.model_files.checkpoint import Weights
from mimica.pictures.pixels import as_input, as_pictures
from mimica.training.batches import Batch
from mimica.training.task import Parts, TrainerView


@dataclass(frozen=True)
class DiatOptions(TranslatorOptions):
    """The paper's shape, five residual blocks; the weights are ours."""

    batch_size: int = option(16, "samples a step, over all processes together", low=1)
    blocks: int = option(5, "residual blocks of the transform network", low=1)
    identity_weight: float = option(1.0, "weight of the identity loss on the discriminator's feature maps", low=0)
    noise_weight: float = option(1.0, "weight of the noise that the denoising network finds in a result", low=0)
    noise: float = option(0.1, "largest deviation of the noise on which that network learns, of [-1, 1]", low=0, high=1)


class Diat(TranslatorTask):
    """Transform network, discriminator, denoising network."""

    name: ClassVar[str] = "diat"
    kind: ClassVar[str] = "diat-generator"
    pairs: ClassVar[bool] = True
    options_type: ClassVar[type[TrainingOptions]] = DiatOptions
    presets: ClassVar[Mapping[str, Preset]] = {"paper": {"steps": 100_000, "workers": 2}, "small": SMALL, "smoke": SMOKE}

    def build(self, options: Any) -> Parts:
        generator = ResidualGenerator(0, options.width, options.blocks)
        self.begin({"generator": generator})
        discriminator, denoiser = PatchDiscriminator(options.width), Denoiser(options.width)
        optimisers = {
            "generator": self.adam(generator),
            "discriminator": self.adam(discriminator),
            "denoiser": self.adam(denoiser),
        }
        modules = {"generator": generator, "discriminator": discriminator, "denoiser": denoiser}
        return Parts(modules, optimisers, averaged=("generator",))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        x, y = as_input(batch["image"]), as_input(batch["other"])
        with trainer.autocast():
            fake = trainer.network("generator")(x)
        if self.options.copying:
            return self.copy_step(trainer, "generator", [(fake, x)])
        with trainer.autocast():
            on_real, on_fake = (trainer.network("discriminator")(p) for p in (y, fake.detach()))
        judged = losses.cross_entropy(on_real, 1.0) + losses.cross_entropy(on_fake, 0.0)
        trainer.update("discriminator", judged)
        scalars = {"discriminator": judged, "denoiser": self._denoiser_step(y, trainer)}
        scalars |= self._generator_step(x, fake, trainer)
        return {name: value.detach() for name, value in scalars.items()}

    def _denoiser_step(self, photo: Tensor, trainer: TrainerView) -> Tensor:
        """Photos with noise of a strength drawn for each -> that noise."""
        strength = self.options.noise * torch.rand(len(photo), 1, 1, 1, device=photo.device)
        noise = strength * torch.randn_like(photo)
        with trainer.autocast():
            found = trainer.network("denoiser")(photo + noise)
        loss = (found - noise).square().mean()
        trainer.update("denoiser", loss)
        return loss

    def _generator_step(self, photo: Tensor, fake: Tensor, trainer: TrainerView) -> dict[str, Tensor]:
        o, modules = self.options, trainer.parts.modules
        with frozen(modules["discriminator"], modules["denoiser"]):
            with trainer.autocast():
                scores = trainer.network("discriminator")(fake)
                maps, own = (trainer.network("discriminator", "features")(p)[-2:] for p in (fake, photo))
                noise = trainer.network("denoiser")(fake)
            parts = {
                "generator_adversarial": losses.cross_entropy(scores, 1.0),
                "generator_identity": losses.feature_loss(maps, [one.detach() for one in own]),
                "generator_noise": noise.square().mean(),
            }
            weighted = zip((1.0, o.identity_weight, o.noise_weight), parts.values(), strict=True)
            trainer.update("generator", torch.stack([weight * value for weight, value in weighted]).sum())
        return parts

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Photo and result; a row a face."""
        x = as_input(batch["image"])
        return np.stack([as_pictures(x), as_pictures(trainer.best("generator")(x))], axis=1)

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        return {"generator": self.exported(trainer, {}, "generator")}
