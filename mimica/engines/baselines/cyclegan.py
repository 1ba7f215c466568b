"""CycleGAN for one pair of domains: `mimica train cyclegan DATA --set domains=neutral,happiness`.

J.-Y. Zhu et al., ICCV 2017: two generators, there and back, two discriminators of 70 x 70 patches with least squares in place of
the logarithms (section 4), both cycles (2) with weight 10; the discriminators see pictures of a pool of 50 earlier ones; Adam
2e-4, betas 0.5 and 0.999, batch 1, the rate falling to 0 over the last half. Two domains are one training: seven expressions,
seven run folders, of which the engine reads all that lie in one folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions, option
from mimica.engines.baselines import losses
from mimica.engines.baselines.domains import SMALL, SMOKE, frozen
from mimica.engines.baselines.networks import PatchDiscriminator, ResidualGenerator
from mimica.engines.baselines.translators import TranslatorOptions, TranslatorTask
from mimica.model_files.checkpoint import Weights
from mimica.pictures.pixels import as_input, as_pictures
from mimica.training.batches import Batch
from mimica.training.task import Parts, TrainerView


@dataclass(frozen=True)
class CycleganOptions(TranslatorOptions):
    """The paper's."""

    batch_size: int = option(1, "samples a step, over all processes together", low=1)
    cycle_weight: float = option(10.0, "lambda, weight of both cycle losses", low=0)
    same_weight: float = option(
        0.0, "weight of the identity loss G(y) = y of section 5.2, which the paper has for paintings", low=0
    )
    pool: int = option(50, "generated pictures that are kept for the discriminators", low=0)


class Pool(nn.Module):
    """Earlier generated pictures of both directions; buffers, so that a checkpoint has them."""

    images: Tensor
    filled: Tensor

    def __init__(self, size: int, image_size: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(2 * size, 3, image_size, image_size))  # 4 axes: one format with all else
        self.register_buffer("filled", torch.zeros(2, dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, direction: int, fake: Tensor) -> Tensor:
        """Of each picture, half of the time, an older one in its place, which it then replaces; a pool that is not full takes
        it and gives it back. (B, 3, S, S) -> the same shape."""
        size, shown = len(self.images) // 2, []
        for picture in fake.detach():
            count = int(self.filled[direction])
            if count < size:
                self.images[direction * size + count] = picture
                self.filled[direction] += 1
            elif size and torch.rand(()) < 0.5:
                place = direction * size + int(torch.randint(size, ()))
                older = self.images[place].clone()
                self.images[place] = picture
                picture = older
            shown.append(picture)
        return torch.stack(shown)


class Cyclegan(TranslatorTask):
    """G from the first domain to the second, F back, a discriminator of each domain."""

    name: ClassVar[str] = "cyclegan"
    kind: ClassVar[str] = "cyclegan-generators"
    pairs: ClassVar[bool] = True
    options_type: ClassVar[type[TrainingOptions]] = CycleganOptions
    presets: ClassVar[Mapping[str, Preset]] = {
        "paper": {"steps": 200_000, "workers": 2}, "small": {**SMALL, "batch_size": 4}, "smoke": {**SMOKE, "pool": 3},
    }  # fmt: skip

    def build(self, options: Any) -> Parts:
        there, back = (ResidualGenerator(0, options.width, options.blocks) for _ in range(2))
        self.begin({"there": there, "back": back})
        first, second = (PatchDiscriminator(options.width) for _ in range(2))
        modules = {"there": there, "back": back, "first": first, "second": second, "pool": Pool(options.pool, options.image_size)}
        optimisers = {"generators": self.adam(there, back), "discriminators": self.adam(first, second)}
        return Parts(modules, optimisers, averaged=("there", "back"))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        x, y = as_input(batch["image"]), as_input(batch["other"])
        there, back, first, second = (trainer.network(name) for name in ("there", "back", "first", "second"))
        if self.options.copying:
            with trainer.autocast():
                return self.copy_step(trainer, "generators", [(there(x), x), (back(y), y)])
        with frozen(trainer.parts.modules["first"], trainer.parts.modules["second"]):
            with trainer.autocast():
                fake_y, fake_x = there(x), back(y)
                scores = second(fake_y), first(fake_x)
                cycles = back(fake_y), there(fake_x)
            adversarial = losses.squares(scores[0], 1.0) + losses.squares(scores[1], 1.0)
            cycle = losses.cycle_loss(cycles[0], x) + losses.cycle_loss(cycles[1], y)  # (2)
            loss = adversarial + self.options.cycle_weight * cycle  # (3)
            if self.options.same_weight:
                with trainer.autocast():
                    loss = loss + self.options.same_weight * (losses.cycle_loss(there(y), y) + losses.cycle_loss(back(x), x))
            trainer.update("generators", loss)
        judged = self._discriminators(trainer, (x, y), (fake_x, fake_y))
        scalars = {"generator_adversarial": adversarial, "generator_cycle": cycle, "discriminator": judged}
        return {name: value.detach() for name, value in scalars.items()}

    def _discriminators(self, trainer: TrainerView, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]) -> Tensor:
        """Both, halved so that they learn more slowly than the generators (section 7.1)."""
        pool, loss = trainer.parts.modules["pool"], torch.zeros((), device=real[0].device)
        assert isinstance(pool, Pool)
        for direction, name in enumerate(("first", "second")):
            shown = pool.exchange(direction, fake[direction])
            with trainer.autocast():
                on_real, on_fake = trainer.network(name)(real[direction]), trainer.network(name)(shown)
            loss = loss + 0.5 * (losses.squares(on_real, 1.0) + losses.squares(on_fake, 0.0))
        trainer.update("discriminators", loss)
        return loss

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """A face of the first domain, there, there and back; one of the second, back, back and there; a row a pair."""
        there, back = trainer.best("there"), trainer.best("back")
        x, y = as_input(batch["image"]), as_input(batch["other"])
        fake_y, fake_x = there(x), back(y)
        shown = (x, fake_y, back(fake_y), y, fake_x, there(fake_x))
        return np.stack([as_pictures(picture) for picture in shown], axis=1)

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        return {"generator": self.exported(trainer, {}, "there", "back")}
