"""What StarGAN, CycleGAN and DIAT share: generators that turn a photo into a photo, and a start for them.

Their generators have no way around the bottleneck: before one changes a face it has to learn to give it back. `copying` trains
that alone, for all domains or pairs at once, and `start` begins from what came of it. None of the papers does so; it saves a
training of minutes from spending them on copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mimica.config import option
from mimica.engines.baselines import losses
from mimica.engines.baselines.domains import DomainOptions, DomainTask
from mimica.engines.baselines.edit import part
from mimica.model_files.checkpoint import fill_module, load_weights
from mimica.training.task import TrainerView


@dataclass(frozen=True)
class TranslatorOptions(DomainOptions):
    """What generators of photos have beside."""

    copying: bool = option(False, "the generators only learn to give photos back, as a start for other trainings")
    start: Path | None = option(None, "weights/generator.safetensors of a run of this method, to start the generators from")


class TranslatorTask(DomainTask):
    """A training whose generators may learn to copy, and may begin with what they learnt."""

    def begin(self, generators: Mapping[str, nn.Module]) -> None:
        """Fill generators, by the names they have in a file, from `start`. Raises `WeightsError` for what does not fit."""
        path = self.options.start
        if path is None:
            return
        weights = load_weights(path, self.kind)
        for name, generator in generators.items():
            fill_module(generator, part(weights, name), path)

    def copy_step(self, trainer: TrainerView, optimiser: str, pairs: Iterable[tuple[Any, Tensor]]) -> dict[str, Tensor]:
        """A step for generators to give photos back: `pairs` of what they drew and the photo, summed."""
        loss = torch.stack([losses.cycle_loss(drawn, photo) for drawn, photo in pairs]).sum()
        trainer.update(optimiser, loss)
        return {"generator_copy": loss.detach()}
