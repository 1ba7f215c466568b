"""TGAN: `mimica train tgan DATA`. M. Saito et al., ICCV 2017: Wasserstein GAN whose critic is kept Lipschitz by clipping the
singular values of its weights every five steps; five critic steps a generator step; RMSProp 5e-5, batch 64."""

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
from mimica.engines.baselines.video.networks import ClipDiscriminator, TemporalGenerator, clip_singular_values
from mimica.training.batches import Batch
from mimica.training.task import Parts, TrainerView


@dataclass(frozen=True)
class TganOptions(VideoOptions):
    """The paper's."""

    batch_size: int = option(64, "clips a step", low=2)
    learning_rate: float = option(5e-5, "learning rate of both RMSProps", low=1e-8)
    critic_steps: int = option(5, "steps of the critic for one of the generator, and from one clipping to the next", low=1)


class Tgan(VideoTask):
    """Temporal and image generator, one critic."""

    name: ClassVar[str] = "tgan"
    kind: ClassVar[str] = "tgan-generator"
    options_type: ClassVar[type[TrainingOptions]] = TganOptions
    presets: ClassVar[Mapping[str, Preset]] = {
        "paper": {"steps": 100_000, "workers": 2}, "small": SMALL, "smoke": {**SMOKE, "critic_steps": 2},
    }  # fmt: skip

    def build(self, options: Any) -> Parts:
        modules = {
            "generator": self.generator_of(options),
            "critic": ClipDiscriminator(options.width),
        }
        clip_singular_values(modules["critic"])
        optimisers = {name: torch.optim.RMSprop(m.parameters(), lr=options.learning_rate) for name, m in modules.items()}
        return Parts(dict(modules), dict(optimisers), averaged=("generator",))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        real, critic = as_clip(batch["clip"]), trainer.parts.modules["critic"]
        turn = (trainer.step + 1) % self.options.critic_steps == 0
        with torch.set_grad_enabled(turn), trainer.autocast():
            fake = trainer.network("generator")(torch.randn(len(real), self.options.latent, device=real.device))
        with trainer.autocast():
            on_real, on_fake = trainer.network("critic")(real), trainer.network("critic")(fake.detach())
        loss = losses.wasserstein_critic(on_real, on_fake)
        trainer.update("critic", loss)
        scalars = {"critic_distance": -loss.detach()}
        if turn:
            clip_singular_values(critic)
            with frozen(critic):
                with trainer.autocast():
                    scores = trainer.network("critic")(fake)
                trainer.update("generator", -scores.mean())
            scalars["generator_adversarial"] = -scores.mean().detach()
        return scalars

    def generator_of(self, options: Any) -> nn.Module:
        return TemporalGenerator(options.latent, options.width)

    def generate(self, generator: nn.Module, count: int, device: torch.device) -> Tensor:
        clip: Tensor = generator(torch.randn(count, self.options.latent, device=device))
        return clip
