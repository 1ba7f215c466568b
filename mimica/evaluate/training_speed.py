"""A training to be timed: python -m mimica.evaluate.training_speed FOLDER DEVICES prints seconds a step, by the clock and of this
process's processor time. Used by `mimica bench --only training`; a script of its own, as each process starts it again."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mimica.config import TrainingOptions
from mimica.training.batches import Batch, Draw
from mimica.training.loop import Parts, Task, Trainer
from mimica.training.task import TrainerView

STEPS, WARM, BATCH = 40, 8, 32


class _Pictures:
    """Random pictures; each a pure function of its draw."""

    def __len__(self) -> int:
        return 1000

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        pictures = [np.random.default_rng(draw.item).random((3, 64, 64), np.float32) for draw in draws]
        return {"x": np.stack(pictures)}


class Timed(Task):
    """A small convolutional autoencoder, each step of which is timed."""

    name = "timed"
    options_type = TrainingOptions

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.ends: list[tuple[float, float]] = []

    def source(self) -> _Pictures:
        return _Pictures()

    def build(self, options: Any) -> Parts:
        layers = [
            nn.Conv2d(3, 64, 3, 2, 1),
            nn.SiLU(),
            nn.Conv2d(64, 128, 3, 2, 1),
            nn.SiLU(),
            nn.Conv2d(128, 256, 3, 1, 1),
            nn.SiLU(),
        ]
        layers += [nn.Conv2d(256, 64, 3, 1, 1), nn.SiLU(), nn.Upsample(scale_factor=4), nn.Conv2d(64, 3, 3, 1, 1)]
        network = nn.Sequential(*layers)
        return Parts({"net": network}, {"net": torch.optim.Adam(network.parameters(), 1e-3)}, ())

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, torch.Tensor]:
        loss = (trainer.parts.modules["net"](batch["x"]) - batch["x"]).square().mean()
        trainer.update("net", loss)
        self.ends.append((time.perf_counter(), time.process_time()))
        return {"loss": loss.detach()}


def main(folder: Path, devices: int) -> None:
    """Runs the training and prints the two figures."""
    torch.set_num_threads(1)
    options = TrainingOptions(
        steps=STEPS, batch_size=BATCH, devices=devices, accelerator="cpu", checkpoint_minutes=0, sample_every=0, workers=0
    )
    task = Timed(options, Path("none"))
    trainer = Trainer(task, folder, say=lambda _: None)
    trainer.run()
    if trainer.fabric.is_global_zero:
        (first, first_spent), (last, last_spent) = task.ends[WARM], task.ends[-1]
        print((last - first) / (STEPS - 1 - WARM), (last_spent - first_spent) / (STEPS - 1 - WARM))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
