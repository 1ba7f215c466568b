"""Training of StyleGAN2 as the paper does it: `mimica train stylegan --preset paper --data FFHQ -o RUN`.

T. Karras et al., "Analyzing and improving the image quality of StyleGAN" (CVPR 2020): non-saturating logistic loss, R1 every
16 steps, path length regularisation every 4 (lazy regularisation, section 3.1), style mixing, running mean of the generator;
with ADA (see `mimica.engines.stylegan.augment`) for small sets. Pictures are FFHQ crops, `mimica prepare ffhq`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions, option
from mimica.data.dataset import FaceDataset, open_datasets
from mimica.engines.stylegan import losses
from mimica.engines.stylegan.augment import Augment
from mimica.engines.stylegan.networks import DISCRIMINATOR_KIND, GENERATOR_KIND, Discriminator, Generator
from mimica.engines.stylegan.pictures import PictureSource
from mimica.model_files.checkpoint import Weights, fill_module, load_weights, module_tensors
from mimica.pictures.pixels import as_input, as_pictures
from mimica.training.batches import Batch
from mimica.training.task import Parts, Task, TrainerView


@dataclass(frozen=True)
class StyleganOptions(TrainingOptions):
    """Options of the adversarial training; the defaults are the paper's, config f."""

    image_size: int = option(256, "side of the pictures in pixels, a power of 2", low=4, high=1024)
    z_size: int = option(512, "length of z", low=1)
    w_size: int = option(512, "length of w", low=1)
    depth: int = option(8, "layers of the mapping network", low=1)
    channel_base: int = option(32768, "feature maps at a resolution: this number divided by its side ...", low=64)
    channel_max: int = option(512, "... and at most this", low=1)
    learning_rate: float = option(2e-3, "learning rate of both Adams", low=1e-8)
    gamma: float = option(10.0, "weight of R1", low=0)
    penalty_every: int = option(16, "steps between two of R1", low=1)
    path_weight: float = option(2.0, "weight of the path length regularisation; 0: off", low=0)
    path_every: int = option(4, "steps between two of the path length", low=1)
    mixing: float = option(0.9, "share of pictures with two styles", low=0, high=1)
    ada: bool = option(True, "adaptive augmentation of what the discriminator sees")
    ada_target: float = option(0.6, "mean sign of the scores of real pictures that ADA aims at", low=-1, high=1)
    ada_every: int = option(4, "steps between two changes of ADA's probability", low=1)
    start: Path | None = option(None, "weights/ of a run of the same sizes to start from")


PRESETS: dict[str, Preset] = {
    "paper": {"steps": 781_250, "batch_size": 32, "ema": 0.9998, "workers": 2},  # 25 million pictures
    "smoke": {
        "steps": 20, "batch_size": 4, "image_size": 32, "z_size": 16, "w_size": 16, "depth": 2, "channel_base": 256,
        "channel_max": 16, "ema": 0.9, "log_every": 5, "sample_every": 10, "gamma": 1.0,
    },
}  # fmt: skip


class Memory(nn.Module):
    """The running mean of the path length, a in (4), kept with the checkpoint."""

    path_length: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("path_length", torch.zeros(()))


class Stylegan(Task):
    """Two networks, two optimisers."""

    name: ClassVar[str] = "stylegan"
    options_type: ClassVar[type[TrainingOptions]] = StyleganOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    @cached_property
    def faces(self) -> FaceDataset:
        return open_datasets(self.folders, "ffhq")

    @cached_property
    def _training(self) -> PictureSource:
        return PictureSource(self.faces.part(validation=False), self.options.image_size)

    def source(self) -> PictureSource:
        return self._training

    def build(self, options: Any) -> Parts:
        o = options
        generator = Generator(o.image_size, o.z_size, o.w_size, o.depth, o.channel_base, o.channel_max)
        discriminator = Discriminator(o.image_size, o.channel_base, o.channel_max)
        if o.start:
            for module, stem, kind in (
                (generator, "generator", GENERATOR_KIND),
                (discriminator, "discriminator", DISCRIMINATOR_KIND),
            ):
                source = o.start / f"{stem}.safetensors"
                fill_module(module, load_weights(source, kind).tensors, source)
        modules: dict[str, nn.Module] = {
            "generator": generator, "discriminator": discriminator, "augment": Augment(), "memory": Memory(),
        }  # fmt: skip
        every = {"generator": o.path_every if o.path_weight else 0, "discriminator": o.penalty_every}
        optimisers: dict[str, torch.optim.Optimizer] = {
            name: lazy_adam(modules[name], o.learning_rate, count) for name, count in every.items()
        }
        return Parts(modules, optimisers, averaged=("generator",))

    # --- one step ---------------------------------------------------------------------------------------------------

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        image = as_input(batch["image"])
        scalars = self._generator_step(len(image), trainer)
        scalars |= self._discriminator_step(image, trainer)
        if self.options.path_weight and trainer.step % self.options.path_every == 0:
            scalars |= self._path_step(max(1, len(image) // 2), trainer)
        return scalars

    def _latents(self, count: int, trainer: TrainerView) -> Tensor:
        """w_plus (B, num_ws, w_size), some with another w from a random place on: style mixing."""
        generator: Any = trainer.parts.modules["generator"]
        device = next(generator.parameters()).device
        z = torch.randn(2, count, self.options.z_size, device=device)
        w, other = generator.mapping(z[0]), generator.mapping(z[1])
        generator.mapping.update_average(w)
        num_ws = generator.synthesis.num_ws
        crossover = torch.randint(1, num_ws, (count, 1, 1), device=device)
        crossover = torch.where(torch.rand(count, 1, 1, device=device) < self.options.mixing, crossover, num_ws)
        first = torch.arange(num_ws, device=device)[None, :, None] < crossover
        return torch.where(first, generator.synthesis.spread(w), generator.synthesis.spread(other))

    def _judged(self, pictures: Tensor, trainer: TrainerView) -> Tensor:
        pictures = trainer.parts.modules["augment"](pictures) if self.options.ada else pictures
        with trainer.autocast():
            scores = trainer.network("discriminator")(pictures)
        return scores.float()

    def _fakes(self, count: int, trainer: TrainerView) -> Tensor:
        generator: Any = trainer.parts.modules["generator"]
        with trainer.autocast():
            pictures = generator.synthesis(self._latents(count, trainer), "random")
        return pictures.float()

    def _generator_step(self, count: int, trainer: TrainerView) -> dict[str, Tensor]:
        discriminator = trainer.parts.modules["discriminator"].requires_grad_(False)
        loss = losses.generator_loss(self._judged(self._fakes(count, trainer), trainer))
        trainer.update("generator", loss)
        discriminator.requires_grad_(True)
        return {"generator": loss.detach()}

    def _discriminator_step(self, image: Tensor, trainer: TrainerView) -> dict[str, Tensor]:
        o = self.options
        augment: Any = trainer.parts.modules["augment"]
        penalised = trainer.step % o.penalty_every == 0
        image = image.detach().requires_grad_(penalised)
        with torch.no_grad():
            fakes = self._fakes(len(image), trainer)
        real, fake = self._judged(image, trainer), self._judged(fakes, trainer)
        loss = losses.discriminator_loss(real, fake)
        scalars = {"discriminator": loss.detach(), "score_real": real.detach().mean(), "score_fake": fake.detach().mean()}
        if penalised:
            r1 = losses.r1_penalty(real, image)
            loss = loss + o.gamma * o.penalty_every * r1
            scalars["r1"] = r1.detach()
        trainer.update("discriminator", loss)
        if o.ada and trainer.step % o.ada_every == 0:
            scalars["r_t"] = augment.steer(real.detach(), o.ada_target, o.batch_size * o.ada_every)
            scalars["ada"] = augment.probability.clone()
        return scalars

    def _path_step(self, count: int, trainer: TrainerView) -> dict[str, Tensor]:
        generator: Any = trainer.parts.modules["generator"]
        memory: Any = trainer.parts.modules["memory"]
        w_plus = self._latents(count, trainer)
        pictures = generator.synthesis(w_plus, "random")
        lengths = losses.path_lengths(pictures, w_plus, torch.randn_like(pictures))
        mean = memory.path_length.lerp(lengths.mean().detach(), 0.01)
        memory.path_length.copy_(mean)
        trainer.update("generator", self.options.path_weight * self.options.path_every * losses.path_penalty(lengths, mean))
        return {"path_length": lengths.detach().mean()}

    # --- what people see --------------------------------------------------------------------------------------------

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Random faces in two rows, truncation 0.7."""
        generator: Any = trainer.best("generator")
        draws = torch.Generator().manual_seed(0)
        z = torch.randn(16, self.options.z_size, generator=draws).to(next(generator.parameters()).device)
        pictures = as_pictures(generator(z, truncation=0.7))
        return pictures.reshape(2, 8, *pictures.shape[1:])

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        notes = {"steps": trainer.step, "data": self.faces.title}
        generator: Any = trainer.best("generator")
        discriminator: Any = trainer.parts.modules["discriminator"]
        return {
            "generator": Weights(GENERATOR_KIND, 1, (), generator.config, module_tensors(generator), notes),
            "discriminator": Weights(DISCRIMINATOR_KIND, 1, (), discriminator.config, module_tensors(discriminator), notes),
        }


def lazy_adam(module: nn.Module, rate: float, every: int) -> torch.optim.Adam:
    """Adam with betas 0 and 0.99, made slower where every `every`-th step is followed by a step of a regulariser: rate and
    betas to the power c = every / (every + 1) (section 3.1; 0: no regulariser)."""
    c = every / (every + 1) if every else 1.0
    return torch.optim.Adam(module.parameters(), lr=rate * c, betas=(0.0, 0.99**c))
