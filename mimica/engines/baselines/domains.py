"""What the baselines learn from: faces with an emotion each, a domain in the words of their papers.

All four share options, data and the shape of a training here; what a method adds is in its own file. A face's domain is its
emotion in `table.csv`. Faces are drawn evenly over the domains, whatever their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions, option
from mimica.data.dataset import FaceDataset, open_datasets
from mimica.errors import DataError
from mimica.facs import EMOTIONS
from mimica.model_files.checkpoint import Weights, module_tensors
from mimica.training.batches import Draw
from mimica.training.task import Task, TrainerView

SMALL: Preset = {
    "image_size": 64, "width": 16, "blocks": 3, "batch_size": 8, "steps": 60_000, "checkpoint_minutes": 5.0, "people": "race",
}  # fmt: skip
"""What the presets `small` of the baselines have in common: two cores can train them within hours."""
SMOKE: Preset = {
    "image_size": 64, "width": 4, "blocks": 1, "steps": 20, "batch_size": 4, "ema": 0.9, "log_every": 5, "sample_every": 10,
    "checkpoint_minutes": 0.0,
}  # fmt: skip
"""The same for the presets `smoke`: seconds."""


@dataclass(frozen=True)
class DomainOptions(TrainingOptions):
    """What every baseline has; the defaults are the papers' where they agree."""

    image_size: int = option(128, "side of the face crops in pixels", low=16)
    width: int = option(64, "channels of the networks' first layers", low=2)
    blocks: int = option(6, "residual blocks of the generator (none in icgan)", low=1)
    learning_rate: float = option(2e-4, "learning rate of all Adams", low=1e-8)
    decay_from: float = option(0.5, "share of the steps after which the learning rate falls steadily to 0", low=0, high=1)
    flip: bool = option(True, "mirror half of the pictures")
    domains: tuple[str, ...] = option((), "emotions to learn, separated by commas; none: all of the eight that the data have")
    people: Literal["all", "race"] = option(
        "all", "all: everybody but the held-out tenth; race: not those either on whom `mimica train classifier` learns"
    )
    ema: float = option(
        0.0, "decay of the running mean of the weights, which is what gets exported; 0: none", low=0, high=0.99999
    )


class DomainSource:
    """Faces drawn evenly over the domains: `image` uint8 (B, S, S, 3), `domain` int64 (B,), `target` int64 (B,), another
    domain drawn at random, `other` uint8 (B, S, S, 3), a face of that one, where `pairs`, `values` float32 (B, controls), the
    Action Units, and `mix` float32 (B,) in [0, 1]."""

    def __init__(self, faces: FaceDataset, domains: Sequence[str], options: DomainOptions, pairs: bool = False) -> None:
        self.faces, self.options, self.pairs = faces, options, pairs
        self.members = [np.flatnonzero([emotion == domain for emotion in faces.emotions]) for domain in domains]
        for domain, members in zip(domains, self.members, strict=True):
            if not len(members):
                raise DataError(f"The data have no face whose emotion is '{domain}'; name others with --set domains=...")

    def __len__(self) -> int:
        return sum(map(len, self.members))

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        rows = [self._row(draw) for draw in draws]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _row(self, draw: Draw) -> dict[str, np.ndarray]:
        random, count = np.random.default_rng(draw.seed), len(self.members)
        domain = 0 if self.pairs else draw.item % count
        target = (domain + int(random.integers(1, count))) % count
        row = self._face(self._member(domain, draw.item // count), random)
        if self.pairs:
            row["other"] = self._face(self._member(target, int(random.integers(len(self)))), random)["image"]
        return row | {"domain": np.int64(domain), "target": np.int64(target), "mix": np.float32(random.random())}

    def _member(self, domain: int, number: int) -> int:
        return int(self.members[domain][number % len(self.members[domain])])

    def _face(self, item: int, random: np.random.Generator) -> dict[str, Any]:
        """Picture and Action Units of one face, half of the time in a mirror."""
        picture, values = self.faces.images([item], self.options.image_size)[0], self.faces.values[item]
        if self.options.flip and random.random() < 0.5:
            picture, values = picture[:, ::-1], values[self.faces.mirrored]
        return {"image": picture, "values": values}


class DomainTask(Task):
    """Data, learning rate and exported weights of every baseline; a method adds `build`, `step` and `sample`."""

    options_type: ClassVar[type[TrainingOptions]] = DomainOptions
    kind: ClassVar[str]
    """What the weights file of the generator says it is."""
    pairs: ClassVar[bool] = False
    """Whether the method learns one pair of domains from two heaps of faces."""
    source_type: ClassVar[type[DomainSource]] = DomainSource

    @cached_property
    def faces(self) -> FaceDataset:
        faces = open_datasets(self.folders)
        return faces.without_judging() if self.options.people == "race" else faces

    @cached_property
    def domains(self) -> tuple[str, ...]:
        present = set(self.faces.part(validation=False).emotions)
        domains = self.options.domains or tuple(emotion for emotion in EMOTIONS if emotion in present)
        wrong = [name for name in domains if name not in EMOTIONS]
        if wrong or len(set(domains)) < 2:
            raise DataError(
                f"{self.name} needs two or more of the emotions {', '.join(EMOTIONS)} with faces, not "
                f"{', '.join(wrong or domains) or 'none'}; name those of the data with --set domains=..."
            )
        if self.pairs and len(domains) != 2:
            raise DataError(f"{self.name} learns one pair of domains: name two, for instance --set domains=neutral,happiness.")
        return domains

    @cached_property
    def _training(self) -> DomainSource:
        return self.source_type(self.faces.part(validation=False), self.domains, self.options, self.pairs)

    def source(self) -> DomainSource:
        return self._training

    def sample_source(self) -> DomainSource:
        held_out = self.faces.part(validation=True)
        known = set(self.domains) <= set(held_out.emotions)
        return self.source_type(held_out, self.domains, self.options, self.pairs) if known else self._training

    def learning_rate_factor(self, step: int) -> float:
        start = self.options.decay_from
        share = step / self.options.steps
        return 1.0 if share <= start or start == 1 else (1 - share) / (1 - start)

    def adam(self, *networks: nn.Module, betas: tuple[float, float] = (0.5, 0.999)) -> torch.optim.Optimizer:
        """One Adam for the parameters of some networks."""
        parameters = [parameter for network in networks for parameter in network.parameters()]
        return torch.optim.Adam(parameters, lr=self.options.learning_rate, betas=betas, fused=True)

    def exported(self, trainer: TrainerView, config: Mapping[str, Any], *modules: str) -> Weights:
        """A file for the engine: the tensors of some modules under the modules' names, the domains beside."""
        tensors = {f"{name}.{tensor}": array for name in modules for tensor, array in module_tensors(trainer.best(name)).items()}
        o = self.options
        shape = {"image_size": o.image_size, "width": o.width, "blocks": o.blocks, "domains": list(self.domains), **config}
        return Weights(self.kind, 1, self.domains, shape, tensors, {"steps": trainer.step, "data": self.faces.title})


def one_hot(domain: Tensor, count: int) -> Tensor:
    """(B,) -> float32 (B, count)."""
    return nn.functional.one_hot(domain, count).float()


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Within the block the networks' weights take no gradients: those of a generator's step stop in front of them."""
    for network in networks:
        network.requires_grad_(False)
    yield
    for network in networks:
        network.requires_grad_(True)
