"""Batches for training: the order of the data and everything random about a sample are pure functions of (seed, step).

A `Source` (see `mimica.data.dataset` for the usual one) gives whole batches as numpy arrays; `step_loader` feeds a training with
its process's share of each step's batch, in order, from any step on.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mimica.config import TrainingOptions
from mimica.errors import ValueRangeError

Batch = dict[str, Tensor]


class Draw(NamedTuple):
    """One sample to prepare: its number `item` in the source and the `seed` of whatever is random about it."""

    item: int
    seed: int


class Source(Protocol):
    """Training data: a length, and batches as named numpy arrays with the samples along the first axis."""

    def __len__(self) -> int: ...

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        """The samples of `draws`, each a pure function of its draw."""
        ...


def mixed_seed(*numbers: int) -> int:
    """Whole numbers -> one well-mixed seed of 63 bits."""
    return int(np.random.SeedSequence([int(n) for n in numbers]).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Order:
    """The endless order of a data set: epoch after epoch, each a permutation of its own; a pure function of (seed, position)."""

    def __init__(self, length: int, seed: int) -> None:
        self.length, self.seed = length, seed
        self._epoch, self._permutation = -1, np.empty(0, np.int64)

    def __getitem__(self, position: int) -> Draw:
        epoch, place = divmod(position, self.length)
        if epoch != self._epoch:
            self._epoch, self._permutation = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.length)
        return Draw(int(self._permutation[place]), mixed_seed(self.seed, position))


class StepBatches(Dataset[Batch]):
    """Step number -> this process's share of that step's batch (every `world`-th sample, from the `rank`-th)."""

    def __init__(self, source: Source, options: TrainingOptions, rank: int = 0, world: int = 1) -> None:
        if options.batch_size % world:
            raise ValueRangeError(f"The batch size {options.batch_size} cannot be shared by {world} processes; take a multiple.")
        self.source, self.size, self.rank, self.world = source, options.batch_size, rank, world
        self.order = Order(len(source), options.seed)

    def __getitem__(self, step: int) -> Batch:
        positions = range(step * self.size + self.rank, (step + 1) * self.size, self.world)
        return {name: torch.from_numpy(a) for name, a in self.source.batch([self.order[p] for p in positions]).items()}


def _leave_interrupts_to_the_main_process(_worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def step_loader(data: StepBatches, start: int, stop: int, workers: int, pin: bool) -> DataLoader[Batch]:
    """The batches of the steps `start` to `stop`, prepared by `workers` processes (0: by this one)."""
    return DataLoader(
        data,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        pin_memory=pin,
        worker_init_fn=_leave_interrupts_to_the_main_process,
    )


def fixed_batch(source: Source, count: int) -> Batch:
    """The same few samples every time, spread over the source."""
    count = min(count, len(source))
    draws = [Draw(i * len(source) // count, i) for i in range(count)]
    return {name: torch.from_numpy(array) for name, array in source.batch(draws).items()}


def on_device(batch: Batch, device: torch.device) -> Batch:
    """The batch's tensors on the `device`."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
