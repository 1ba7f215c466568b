"""What an engine, or the reader, brings to a training: networks, optimisers, data, one step. `mimica.training.loop` runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions
from mimica.model_files.checkpoint import Weights
from mimica.training.batches import Batch, Source
from mimica.training.run_folder import RunFolder


@dataclass
class Parts:
    """What is trained. `averaged` names the modules of which a running mean of the weights is kept, `channels_first` those
    that are slower with the channels last on the CPU."""

    modules: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    averaged: tuple[str, ...] = ()
    channels_first: tuple[str, ...] = ()


class TrainerView(Protocol):
    """What a task may use of the trainer that runs it (`mimica.training.loop.Trainer` says what each does)."""

    task: Task
    step: int
    parts: Parts
    averages: dict[str, nn.Module]
    notes: RunFolder

    def autocast(self) -> AbstractContextManager[Any]: ...

    def network(self, module: str, method: str = "forward") -> Any: ...

    def update(self, optimiser: str, loss: Tensor) -> None: ...

    def best(self, module: str) -> nn.Module: ...


class Task:
    """What an engine brings to a training. `options_type` and `presets` are read by the command line; `name` is for people."""

    name: ClassVar[str] = "task"
    options_type: ClassVar[type[TrainingOptions]] = TrainingOptions
    presets: ClassVar[Mapping[str, Preset]] = {}

    def __init__(self, options: Any, data: Path | Sequence[Path]) -> None:
        self.options = options
        self.folders = [data] if isinstance(data, Path) else list(data)
        self.workspace: Path | None = None
        """The run folder, for what a task prepares once and a resumed run finds again; None in a dry run, which keeps nothing."""
        self.say: Callable[[str], None] = print
        """For lines to people while that is prepared."""

    def source(self) -> Source:
        """The training data."""
        raise NotImplementedError

    def sample_source(self) -> Source:
        """Where the fixed samples of the grids come from (held-out data, if there are any)."""
        return self.source()

    def build(self, options: Any) -> Parts:
        """Networks and optimisers, on the CPU; torch is seeded already."""
        raise NotImplementedError

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        """One optimisation step, through `trainer.update`; gives the scalars to be logged (detached, on any device)."""
        raise NotImplementedError

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray | None:
        """A grid of fixed samples, uint8 (rows, columns, H, W, 3), or None."""
        return None

    def learning_rate_factor(self, step: int) -> float:
        """The factor of every optimiser's learning rate at `step`; a pure function."""
        return 1.0

    def warnings(self, scalars: Mapping[str, float]) -> list[str]:
        """Sentences for the log when the scalars show a known trouble."""
        return []

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        """What to export: file stem -> weights (`trainer.best` gives a module's running mean)."""
        return {}

    def files(self, trainer: TrainerView) -> dict[str, bytes]:
        """The same for models with a format of their own: file name -> content."""
        return {}
