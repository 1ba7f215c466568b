"""Training of the pseudo-autoencoder: `mimica train autoencoder --preset paper|residual --data LATENTS -o RUN`.

Paper: "Manipulación de Expresiones Faciales vía Espacio Latente" (SAIV, 51 JAIIO 2022), section 3.2: all ordered pairs of
expressions of the same person, loss |w_T - w_out|, 150 epochs, Adam with rate 1e-2 and weight decay 1e-4, the rate halved every
10 epochs. (Printed are 10e-3 and 10e-5.) The batch size is not given.

The preset `residual` has the residual form, changes of intensity, and an identity term: the same change, asked of another
person or of one in between (w_S + d), must move the code by the same (w_T - w_S):

    |w_T - f(w_S, u)| + identity |w_T - (f(w_S + d, u) - d)|,    d = t (w_other - w_S) + noise,   t uniform in [0, 1]

Held-out people (`mimica.data.dataset.is_validation`) are never seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from mimica.config import Preset, TrainingOptions, option
from mimica.engines.stylegan.autoencoder import (
    COPIES,
    HIDDEN,
    PseudoAutoencoder,
    action_unit_change,
    latent_distance,
    to_weights,
)
from mimica.engines.stylegan.latents import LatentSet, expression_pairs, open_latents
from mimica.errors import DataError
from mimica.model_files.checkpoint import Weights
from mimica.training.batches import Batch, Draw
from mimica.training.task import Parts, Task, TrainerView


@dataclass(frozen=True)
class AutoencoderOptions(TrainingOptions):
    """Options of the pseudo-autoencoder's training."""

    may_change: ClassVar[frozenset[str]] = frozenset({"epochs"})

    form: Literal["direct", "residual"] = option("direct", "what the network predicts: the code, or the change of it")
    binary: bool = option(True, "changes of presence (-1, 0, 1), as in the paper; otherwise of intensity")
    epochs: float = option(150.0, "times that every pair is seen; sets the steps. 0: take `steps`", low=0)
    halve_every: float = option(10.0, "epochs after which the rate is halved, again and again", low=0.01)
    hidden: int = option(HIDDEN, "units of each layer", low=4)
    copies: int = option(COPIES, "times that the change is repeated", low=1)
    one_w: bool = option(False, "see and change one w for all layers; the paper's has W+")
    learning_rate: float = option(1e-2, "learning rate of Adam", low=1e-8)
    weight_decay: float = option(1e-4, "weight decay of Adam (L2, as part of the gradient)", low=0)
    identity: float = option(0.0, "weight of the identity term", low=0)
    noise: float = option(0.0, "normal noise added to the d of the identity term, in standard deviations of all codes", low=0)


PRESETS: dict[str, Preset] = {
    "paper": {"batch_size": 64, "ema": 0.0, "sample_every": 0, "log_every": 200},
    "residual": {
        "batch_size": 64, "form": "residual", "binary": False, "identity": 1.0, "noise": 0.3, "learning_rate": 1e-3, "ema": 0.999,
        "sample_every": 0, "log_every": 200,
    },
    "autoencoder-smoke": {
        "steps": 10, "epochs": 0.0, "batch_size": 8, "hidden": 8, "form": "residual", "identity": 1.0, "binary": False,
        "ema": 0.9, "sample_every": 0, "log_every": 5,
    },
}  # fmt: skip


class PairSource:
    """Ordered pairs of codes of one person: `source` and `target` (B, num_ws, w_size), their Action Units `from` and `to`
    (B, units), and `other`, a code of anybody."""

    def __init__(self, latents: LatentSet) -> None:
        self.latents, self.pairs = latents, expression_pairs(latents)
        columns = [latents.columns.index(name) for name in latents.action_units]
        self.codes, self.units = latents.w_plus(), np.asarray(latents.values[:, columns], np.float32)

    def __len__(self) -> int:
        return len(self.pairs)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        pairs = self.pairs[[draw.item for draw in draws]]
        others = [draw.seed % len(self.codes) for draw in draws]
        return {
            "source": self.codes[pairs[:, 0]],
            "target": self.codes[pairs[:, 1]],
            "from": self.units[pairs[:, 0]],
            "to": self.units[pairs[:, 1]],
            "other": self.codes[others],
        }


class Autoencoder(Task):
    """One network, one optimiser."""

    name: ClassVar[str] = "pseudo-autoencoder"
    options_type: ClassVar[type[TrainingOptions]] = AutoencoderOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    def __init__(self, options: Any, data: Path | Sequence[Path]) -> None:
        super().__init__(options, data)
        if options.epochs:
            self.options = replace(options, steps=max(1, round(options.epochs * self.steps_an_epoch)))

    @cached_property
    def latents(self) -> LatentSet:
        """The people to learn from. Raises `DataError` for several folders, and without a pair of one person."""
        if len(self.folders) != 1:
            raise DataError(f"The pseudo-autoencoder learns from one latent data set; {len(self.folders)} are named.")
        return open_latents(self.folders[0]).part(validation=False)

    @cached_property
    def _pairs(self) -> PairSource:
        pairs = PairSource(self.latents)
        if not len(pairs):
            raise DataError(
                f"{self.folders[0]} shows nobody twice with known Action Units: the pseudo-autoencoder needs the same people in "
                "several expressions (sampled latents have none; project a set that has)."
            )
        return pairs

    @property
    def steps_an_epoch(self) -> float:
        return len(self._pairs) / float(self.options.batch_size)

    def source(self) -> PairSource:
        return self._pairs

    def build(self, options: Any) -> Parts:
        o, latents = options, self.latents
        net = PseudoAutoencoder(latents.num_ws, latents.w_size, len(latents.action_units), o.form, o.hidden, o.copies, o.one_w)
        codes = torch.from_numpy(self._pairs.codes)
        codes = codes.mean(1, keepdim=True) if o.one_w else codes
        if o.form == "residual":
            net.mean.copy_(codes.mean(0))
            net.scale.copy_((codes - net.mean).std())
        optimiser = torch.optim.Adam(net.parameters(), lr=o.learning_rate, weight_decay=o.weight_decay)
        return Parts({"autoencoder": net}, {"autoencoder": optimiser}, averaged=("autoencoder",))

    @cached_property
    def _spread(self) -> float:
        codes = self._pairs.codes
        return float((codes - codes.mean(axis=0)).std())

    def learning_rate_factor(self, step: int) -> float:
        """Halved every so many epochs."""
        return float(0.5 ** math.floor(step / self.steps_an_epoch / self.options.halve_every))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        o, net = self.options, trainer.parts.modules["autoencoder"]
        source, target = batch["source"], batch["target"]
        change = action_unit_change(batch["from"], batch["to"], o.binary)
        scalars = {"distance": latent_distance(net(source, change), target)}
        loss = scalars["distance"]
        if o.identity:
            away = torch.rand(len(source), 1, 1, device=source.device) * (batch["other"] - source)
            away = away + self._noise(source)
            scalars["identity"] = latent_distance(net(source + away, change) - away, target)
            loss = loss + o.identity * scalars["identity"]
        trainer.update("autoencoder", loss)
        return {name: scalar.detach() for name, scalar in scalars.items()}

    def _noise(self, like: Tensor) -> Tensor:
        return self.options.noise * self._spread * torch.randn_like(like) if self.options.noise else torch.zeros_like(like)

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        net = trainer.best("autoencoder")
        assert isinstance(net, PseudoAutoencoder)
        config = {"generator": self.latents.generator, "binary": self.options.binary}
        people = len(set(self.latents.subjects))
        notes = {"data": self.latents.title, "people": people, "pairs": len(self._pairs), "steps": trainer.step}
        return {"autoencoder": to_weights(net, self.latents.action_units, config, notes)}
