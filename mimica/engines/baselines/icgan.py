"""IcGAN, a conditional GAN and two encoders that invert it: `mimica train icgan DATA`.

G. Perarnau et al., "Invertible conditional GANs for image editing" (2016). First the conditional GAN (1), whose discriminator is
also to refuse photos under a wrong label; then, with the generator frozen, E_z finds the z of generated pictures (2), and E_y the
label of photos (3). An edit is G(E_z(photo), another label). Adam 2e-4, betas 0.5 and 0.999, batch 64. The paper trains the
parts one after another; here one training does, and `encoders_from` is the share of the steps at which it turns to the
encoders.
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
from mimica.engines.baselines.domains import SMALL, SMOKE, DomainOptions, DomainTask, frozen, one_hot
from mimica.engines.baselines.networks import Encoder, LabelledDiscriminator, LatentGenerator
from mimica.model_files.checkpoint import Weights
from mimica.pictures.pixels import as_input, as_pictures
from mimica.training.batches import Batch
from mimica.training.task import Parts, TrainerView


@dataclass(frozen=True)
class IcganOptions(DomainOptions):
    """The paper's."""

    image_size: int = option(64, "side of the face crops in pixels, a power of two", low=16)
    batch_size: int = option(64, "samples a step, over all processes together", low=2)
    latent: int = option(100, "numbers of z", low=1)
    hidden: int = option(4096, "units of E_z's hidden layer; E_y has an eighth of them", low=8)
    encoders_from: float = option(0.6, "share of the steps after which the encoders learn and the GAN is frozen", low=0, high=1)
    decay_from: float = option(1.0, "share of the steps after which the learning rate falls steadily to 0", low=0, high=1)


class Icgan(DomainTask):
    """Generator and discriminator, E_z and E_y."""

    name: ClassVar[str] = "icgan"
    kind: ClassVar[str] = "icgan"
    options_type: ClassVar[type[TrainingOptions]] = IcganOptions
    presets: ClassVar[Mapping[str, Preset]] = {
        "paper": {"steps": 100_000, "workers": 2}, "small": {**SMALL, "width": 32, "batch_size": 32, "hidden": 1024},
        "smoke": {**SMOKE, "latent": 8, "hidden": 16},
    }  # fmt: skip

    def build(self, options: Any) -> Parts:
        count, size, width = len(self.domains), options.image_size, options.width
        modules = {
            "generator": LatentGenerator(options.latent, count, size, width),
            "discriminator": LabelledDiscriminator(count, size, width),
            "encoder_z": Encoder(options.latent, options.hidden, size, max(1, width // 2)),
            "encoder_y": Encoder(count, options.hidden // 8, size, max(1, width // 2)),
        }
        optimisers = {name: self.adam(module) for name, module in modules.items()}
        return Parts(dict(modules), optimisers, averaged=("generator",))

    def _drawn(self, batch: Batch) -> Tensor:
        return torch.randn(len(batch["domain"]), self.options.latent, device=batch["domain"].device)

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        image, count = as_input(batch["image"]), len(self.domains)
        own, wrong, z = one_hot(batch["domain"], count), one_hot(batch["target"], count), self._drawn(batch)
        encoders = trainer.step >= self.options.encoders_from * self.options.steps
        scalars = self._encoder_steps(image, own, z, trainer) if encoders else self._gan_steps(image, own, wrong, z, trainer)
        return {name: value.detach() for name, value in scalars.items()}

    def _gan_steps(self, image: Tensor, own: Tensor, wrong: Tensor, z: Tensor, trainer: TrainerView) -> dict[str, Tensor]:
        """Equation (1); a photo under a wrong label counts as a fake, with half the weight."""
        discriminator = trainer.network("discriminator")
        with trainer.autocast():
            fake = trainer.network("generator")(z, own)
            on_real, on_wrong, on_fake = discriminator(image, own), discriminator(image, wrong), discriminator(fake.detach(), own)
        refused = 0.5 * (losses.cross_entropy(on_fake, 0.0) + losses.cross_entropy(on_wrong, 0.0))
        judged = losses.cross_entropy(on_real, 1.0) + refused
        trainer.update("discriminator", judged)
        with frozen(trainer.parts.modules["discriminator"]):
            with trainer.autocast():
                scores = discriminator(fake, own)
            adversarial = losses.cross_entropy(scores, 1.0)
            trainer.update("generator", adversarial)
        return {"discriminator": judged, "generator_adversarial": adversarial}

    def _encoder_steps(self, image: Tensor, own: Tensor, z: Tensor, trainer: TrainerView) -> dict[str, Tensor]:
        """Equations (2), on generated pictures, and (3), on photos."""
        generator = trainer.parts.modules["generator"].eval()
        with torch.no_grad(), trainer.autocast():
            made = generator(z, own)
        generator.train()
        with trainer.autocast():
            found, label = trainer.network("encoder_z")(made), trainer.network("encoder_y")(image)
        of_z, of_y = losses.squared_distance(found, z), losses.squared_distance(label, own)
        trainer.update("encoder_z", of_z)
        trainer.update("encoder_y", of_y)
        return {"encoder_z": of_z, "encoder_y": of_y}

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """The photo, its reconstruction under the label that E_y finds, then each domain; a row a face."""
        image, count = as_input(batch["image"]), len(self.domains)
        networks = {name: trainer.best(name) for name in ("generator", "encoder_z", "encoder_y")}
        states = {name: network.training for name, network in networks.items()}
        for network in networks.values():
            network.eval()
        z, found = networks["encoder_z"](image), networks["encoder_y"](image)
        labels = [one_hot(found.argmax(1), count), *(one_hot(torch.full_like(batch["domain"], i), count) for i in range(count))]
        shown = [image, *(networks["generator"](z, label) for label in labels)]
        for name, network in networks.items():
            network.train(states[name])
        return np.stack([as_pictures(picture) for picture in shown], axis=1)

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        config = {"latent": self.options.latent, "hidden": self.options.hidden}
        return {"generator": self.exported(trainer, config, "generator", "encoder_z")}
