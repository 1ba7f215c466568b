"""Training of the embedded generator: `mimica train stylegan --preset embedded`, for few pictures and little computing.

An adversarial generator learns from a picture only what its critic says; an autoencoder learns from every pixel. So the
generator starts as the decoder of an autoencoder, encoder -> w + changes a place -> synthesis, with pixel and perceptual terms
(features of Mimica's reader). w gets normal noise and is kept near 0, as in a variational autoencoder of fixed variance, so
that what lies between the codes is a face too; it starts as the principal components of the pictures (`Encoder`). The running
moments of w are the Gaussian that samples are drawn from. From `adversarial` > 0 on, a discriminator sees reconstructions and
samples and the generator is sharpened: non-saturating loss, lazy R1.

The same run may be resumed with other weights of the losses. A bigger generator starts from a smaller one with `start`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from mimica.checkpoint import Weights, load_weights, module_tensors
from mimica.config import Preset, TrainingOptions, option
from mimica.data.dataset import FaceDataset, open_datasets
from mimica.engines.stylegan import losses
from mimica.engines.stylegan.encoder import ENCODER_KIND, LINEAR_SIZE, Encoder
from mimica.engines.stylegan.networks import DISCRIMINATOR_KIND, GENERATOR_KIND, Discriminator, Generator
from mimica.pixels import as_input, as_pictures
from mimica.reader.features import load_torch_reader, reader_gray
from mimica.reader.networks import ReaderNet
from mimica.training.batches import Batch, Draw
from mimica.training.loop import Parts, Task, Trainer

DECAY, LEAST = 0.4, 0.05
"""The learning rate falls over this last share of the steps, to this share of itself."""
SMALL_PICTURES = 1500
"""From so many pictures the principal components are found that w starts as."""


@dataclass(frozen=True)
class EmbeddedOptions(TrainingOptions):
    """Options of the embedded generator's training."""

    may_change: ClassVar[frozenset[str]] = frozenset({"adversarial", "sampled", "perceptual", "learning_rate", "spread", "prior"})

    image_size: int = option(64, "side of the pictures in pixels, a power of 2", low=32, high=1024)
    w_size: int = option(256, "length of w", low=8)
    channel_base: int = option(2560, "feature maps at a resolution: this number divided by its side ...", low=64)
    channel_max: int = option(160, "... and at most this", low=4)
    critic_base: int = option(1280, "the same number for the discriminator, which sees each picture several times", low=64)
    encoder_width: int = option(24, "feature maps of the encoder at 64 px", low=4)
    learning_rate: float = option(2e-3, "learning rate of all Adams", low=1e-8)
    spread: float = option(0.15, "standard deviation of the noise added to w", low=0)
    prior: float = option(1e-3, "weight of the mean square of w", low=0)
    changes: float = option(1e-2, "weight of the mean square of the changes of w at each place", low=0)
    pixel: float = option(1.0, "weight of the pixel loss", low=0)
    perceptual: float = option(1.0, "weight of the distance of the reader's features", low=0)
    adversarial: float = option(0.0, "weight of the adversarial loss of reconstructions; 0: no discriminator", low=0)
    sampled: float = option(1.0, "weight of the adversarial loss of samples, relative to that of reconstructions", low=0)
    gamma: float = option(1.0, "weight of R1", low=0)
    penalty_every: int = option(16, "discriminator steps between two of R1", low=1)
    start: Path | None = option(None, "weights/ of a run to start from; its generator may be smaller")


PRESETS: dict[str, Preset] = {
    "embedded": {
        "steps": 6200, "batch_size": 8, "channel_base": 3072, "channel_max": 128, "encoder_width": 16, "learning_rate": 5e-3,
        "perceptual": 0.5, "ema": 0.995, "sample_every": 400, "log_every": 50,
    },
    "embedded-smoke": {
        "steps": 20, "batch_size": 4, "w_size": 16, "channel_base": 256, "channel_max": 16, "critic_base": 256,
        "encoder_width": 4, "ema": 0.9, "log_every": 5, "sample_every": 10,
    },
}  # fmt: skip


class PictureSource:
    """Pictures uint8 (B, S, S, 3), half of them mirrored."""

    def __init__(self, faces: FaceDataset, size: int, flip: bool = True) -> None:
        self.faces, self.size, self.flip = faces, size, flip

    def __len__(self) -> int:
        return len(self.faces)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        images = self.faces.images([draw.item for draw in draws], self.size)
        for i, draw in enumerate(draws):
            if self.flip and np.random.default_rng(draw.seed).random() < 0.5:
                images[i] = images[i, :, ::-1].copy()
        return {"image": images}


class Embedded(Task):
    """Generator and encoder by one optimiser, the discriminator by another."""

    name: ClassVar[str] = "stylegan (embedded)"
    options_type: ClassVar[type[TrainingOptions]] = EmbeddedOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    @cached_property
    def faces(self) -> FaceDataset:
        return open_datasets(self.folders)

    @cached_property
    def reader(self) -> ReaderNet:
        return load_torch_reader()

    @cached_property
    def _training(self) -> PictureSource:
        return PictureSource(self.faces.part(validation=False), self.options.image_size)

    def source(self) -> PictureSource:
        return self._training

    def sample_source(self) -> PictureSource:
        held_out = self.faces.part(validation=True)
        return PictureSource(held_out, self.options.image_size, flip=False) if len(held_out) else self._training

    def build(self, options: Any) -> Parts:
        o = options
        generator = Generator(o.image_size, o.w_size, o.w_size, 0, o.channel_base, o.channel_max)
        encoder = Encoder(generator.synthesis.places, o.w_size, o.encoder_width)
        discriminator = Discriminator(o.image_size, o.critic_base, o.channel_max)
        if o.start:
            grow(generator, load_weights(o.start / "generator.safetensors", GENERATOR_KIND).tensors)
            grow(encoder, load_weights(o.start / "encoder.safetensors", ENCODER_KIND).tensors)
        else:
            encoder.start_with_components(self._small_pictures())
        modules: dict[str, nn.Module] = {"generator": generator, "encoder": encoder, "discriminator": discriminator}
        learnt = [*generator.synthesis.parameters(), *encoder.parameters()]
        optimisers: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(learnt, lr=o.learning_rate, betas=(0.5, 0.99)),
            "discriminator": torch.optim.Adam(discriminator.parameters(), lr=o.learning_rate, betas=(0.0, 0.99)),
        }
        return Parts(modules, optimisers, averaged=("generator", "encoder"))

    def _small_pictures(self) -> Tensor:
        """Up to `SMALL_PICTURES` training pictures, (N, 3, `LINEAR_SIZE`, `LINEAR_SIZE`) in [-1, 1]."""
        faces = self._training.faces
        chosen = np.linspace(0, len(faces) - 1, min(len(faces), SMALL_PICTURES)).astype(int).tolist()
        return as_input(torch.from_numpy(faces.images(chosen, LINEAR_SIZE)))

    def learning_rate_factor(self, step: int) -> float:
        """1, then falling over the last `DECAY` of the steps to `LEAST`."""
        return max(LEAST, min(1.0, (1 - step / self.options.steps) / DECAY))

    # --- one step ---------------------------------------------------------------------------------------------------

    def step(self, batch: Batch, trainer: Trainer) -> dict[str, Tensor]:
        o, image = self.options, as_input(batch["image"])
        encoder: Any = trainer.parts.modules["encoder"]
        generator: Any = trainer.parts.modules["generator"]
        synthesis = generator.synthesis
        w, changes = encoder(image)
        encoder.update_moments(w.detach(), min(0.998, (1 + trainer.step) / (10 + trainer.step)))
        w_plus = (w + o.spread * torch.randn_like(w))[:, None] + changes
        adversarial = o.adversarial > 0
        rebuilt = synthesis(w_plus, "random" if adversarial else "none")
        terms = {
            "pixel": (o.pixel, losses.pixel_distance(rebuilt, image).mean()),
            "prior": (o.prior, w.square().mean()),
            "changes": (o.changes, changes.square().mean()),
        }
        if o.perceptual:
            terms["perceptual"] = (o.perceptual, self._perceptual(rebuilt, image).mean())
        scalars: dict[str, Tensor] = {}
        if adversarial:
            samples = synthesis(self._sampled_w(encoder, max(1, len(image) // 2)), "random")
            terms |= self._adversarial(rebuilt, samples, trainer)
            scalars = self._discriminator_step(image, torch.cat([rebuilt, samples]).detach(), trainer)
        trainer.update("generator", sum((weight * term for weight, term in terms.values()), start=image.new_zeros(())))
        return scalars | {name: term.detach() for name, (_, term) in terms.items()}

    def _perceptual(self, rebuilt: Tensor, image: Tensor) -> Tensor:
        self.reader.to(image.device)
        with torch.no_grad():
            wanted = self.reader.features(reader_gray(image))
        return losses.feature_distance(self.reader.features(reader_gray(rebuilt)), wanted)

    @staticmethod
    def _sampled_w(encoder: Any, count: int) -> Tensor:
        """Draws from the Gaussian of w."""
        values, vectors = torch.linalg.eigh(encoder.w_covariance)
        noise = torch.randn(count, len(values), device=values.device)
        return encoder.w_mean + (noise * values.clamp_min(0).sqrt()) @ vectors.t()

    def _adversarial(self, rebuilt: Tensor, samples: Tensor, trainer: Trainer) -> dict[str, tuple[float, Tensor]]:
        discriminator = trainer.parts.modules["discriminator"].requires_grad_(False)
        terms = {
            "fooled": (self.options.adversarial, losses.generator_loss(discriminator(rebuilt))),
            "fooled_by_samples": (self.options.adversarial * self.options.sampled, losses.generator_loss(discriminator(samples))),
        }
        discriminator.requires_grad_(True)
        return terms

    def _discriminator_step(self, image: Tensor, fake: Tensor, trainer: Trainer) -> dict[str, Tensor]:
        o, discriminator = self.options, trainer.parts.modules["discriminator"]
        penalised = trainer.step % o.penalty_every == 0
        image = image.detach().requires_grad_(penalised)
        real_scores, fake_scores = discriminator(image), discriminator(fake)
        loss = losses.discriminator_loss(real_scores, fake_scores)
        scalars = {"score_real": real_scores.detach().mean(), "score_fake": fake_scores.detach().mean()}
        if penalised:
            r1 = losses.r1_penalty(real_scores, image)
            loss = loss + o.gamma * o.penalty_every * r1
            scalars["r1"] = r1.detach()
        trainer.update("discriminator", loss)
        return scalars

    # --- what people see --------------------------------------------------------------------------------------------

    def sample(self, batch: Batch, trainer: Trainer) -> np.ndarray:
        """Held-out pictures, their reconstructions, and samples; a row each."""
        image = as_input(batch["image"])
        encoder: Any = trainer.best("encoder")
        synthesis: Any = trainer.best("generator").synthesis
        torch.manual_seed(0)
        rebuilt, samples = synthesis(encoder.w_plus(image)), synthesis(self._sampled_w(encoder, len(image)))
        return np.stack([as_pictures(x) for x in (image, rebuilt, samples)])

    def weights(self, trainer: Trainer) -> dict[str, Weights]:
        generator: Any = trainer.best("generator")
        encoder: Any = trainer.best("encoder")
        discriminator: Any = trainer.parts.modules["discriminator"]
        generator.mapping.fit(encoder.w_mean, encoder.w_covariance)
        notes = {"steps": trainer.step, "data": self.faces.title}
        return {
            "generator": Weights(GENERATOR_KIND, 1, (), generator.config, module_tensors(generator), notes),
            "encoder": Weights(ENCODER_KIND, 1, (), encoder.config, module_tensors(encoder), notes),
            "discriminator": Weights(DISCRIMINATOR_KIND, 1, (), discriminator.config, module_tensors(discriminator), notes),
        }


@torch.no_grad()
def grow(module: nn.Module, tensors: Mapping[str, np.ndarray]) -> None:
    """Fill a network from a smaller one's tensors: what is new adds nothing to the picture at first."""
    for name, parameter in module.state_dict(keep_vars=True).items():
        if name not in tensors:
            if name.startswith("synthesis.to_rgb"):
                parameter.zero_()
            continue
        old = torch.from_numpy(np.array(tensors[name]))
        if old.shape == parameter.shape:
            parameter.copy_(old)
        else:  # one row of places more; or the bias of it
            parameter.zero_()[: len(old)].copy_(old)
