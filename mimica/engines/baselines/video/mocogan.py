"""MoCoGAN: `mimica train mocogan DATA`. S. Tulyakov et al., CVPR 2018: a content code a clip, motion codes of a recurrent
network, one discriminator of pictures and one of clips (5), and the emotion as a category that the latter has to name (9).
Adam 2e-4, betas 0.5 and 0.999, batch 32; content 50, motion 10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions, option
from mimica.engines.baselines import losses
from mimica.engines.baselines.domains import frozen, one_hot
from mimica.engines.baselines.networks import LabelledDiscriminator
from mimica.engines.baselines.video.clips import SMALL, SMOKE, VideoOptions, VideoTask, as_clip
from mimica.engines.baselines.video.networks import ClipDiscriminator, ContentAndMotion
from mimica.engines.baselines.video.sizes import FRAMES, SIDE
from mimica.training.batches import Batch
from mimica.training.task import Parts, TrainerView


@dataclass(frozen=True)
class MocoganOptions(VideoOptions):
    """The paper's."""

    latent: int = option(50, "numbers of the content code", low=1)
    motion: int = option(10, "numbers of a motion code", low=1)
    class_weight: float = option(1.0, "lambda, weight of the category loss", low=0)


class Mocogan(VideoTask):
    """One generator, two discriminators."""

    name: ClassVar[str] = "mocogan"
    kind: ClassVar[str] = "mocogan-generator"
    options_type: ClassVar[type[TrainingOptions]] = MocoganOptions
    presets: ClassVar[Mapping[str, Preset]] = {
        "paper": {"steps": 100_000, "workers": 2}, "small": SMALL, "smoke": {**SMOKE, "motion": 3},
    }  # fmt: skip

    def build(self, options: Any) -> Parts:
        count = len(self.emotions)
        modules = {
            "generator": self.generator_of(options),
            "of_pictures": LabelledDiscriminator(0, SIDE, options.width),
            "of_clips": ClipDiscriminator(options.width, count),
        }
        optimisers = {name: self.adam(module) for name, module in modules.items()}
        return Parts(dict(modules), optimisers, averaged=("generator",))

    def generator_of(self, options: Any) -> nn.Module:
        return ContentAndMotion(len(self.emotions), options.latent, options.motion, options.width)

    def codes(self, category: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Random codes for clips of these categories (B,)."""
        o, size, device = self.options, len(category), category.device
        z, start = torch.randn(size, o.latent, device=device), torch.randn(size, o.motion, device=device)
        return z, start, torch.randn(size, FRAMES, o.motion, device=device), one_hot(category, len(self.emotions))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        real, category = as_clip(batch["clip"]), batch["emotion"]
        wanted = torch.randint(len(self.emotions), category.shape, device=category.device)
        moment = int(torch.randint(FRAMES, ()))
        pictures, clips = trainer.network("of_pictures"), trainer.network("of_clips")
        none = one_hot(category, len(self.emotions))[:, :0]
        with trainer.autocast():
            fake = trainer.network("generator")(*self.codes(wanted))
            of_real, of_fake = (pictures(x[:, :, moment], none) for x in (real, fake.detach()))
            on_real, on_fake = clips(real), clips(fake.detach())
        judged = losses.cross_entropy(of_real, 1.0) + losses.cross_entropy(of_fake, 0.0)
        trainer.update("of_pictures", judged)
        named = F.cross_entropy(on_real[:, 1:], category)
        watched = losses.cross_entropy(on_real[:, 0], 1.0) + losses.cross_entropy(on_fake[:, 0], 0.0)
        trainer.update("of_clips", watched + self.options.class_weight * named)
        with frozen(trainer.parts.modules["of_pictures"], trainer.parts.modules["of_clips"]):
            with trainer.autocast():
                of_fake, on_fake = pictures(fake[:, :, moment], none), clips(fake)
            adversarial = losses.cross_entropy(of_fake, 1.0) + losses.cross_entropy(on_fake[:, 0], 1.0)
            shown = F.cross_entropy(on_fake[:, 1:], wanted)
            trainer.update("generator", adversarial + self.options.class_weight * shown)
        scalars = {"of_pictures": judged, "of_clips": watched, "clip_class": named, "generator_adversarial": adversarial}
        return {name: value.detach() for name, value in scalars.items()}

    def generate(self, generator: nn.Module, count: int, device: torch.device) -> Tensor:
        clip: Tensor = generator(*self.codes(torch.arange(count, device=device) % len(self.emotions)))
        return clip
