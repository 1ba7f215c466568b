"""Training of the refiner: `mimica train reader --preset refiner --data FACES --data REANIMATED -o RUN`.

The first network is fixed (the shipped one, or `--set first=reader.onnx`) and reads every crop as in use, so that the refiner
learns to correct the errors it will meet. Losses, weights and held-out people are those of `mimica.reader.train`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor

from mimica.config import Preset, TrainingOptions, option
from mimica.facs import SIDED_AU_NAMES
from mimica.model_files.checkpoint import Weights, module_tensors
from mimica.reader.augment import augment
from mimica.reader.data import ReaderData
from mimica.reader.networks import to_input
from mimica.reader.outputs import DETAIL_SIZE, SLICES
from mimica.reader.read import WEIGHTS, Reader, shrunk
from mimica.reader.refiner import RefinerNet
from mimica.reader.train import ReaderOptions, ReaderTask, draw_points, stack
from mimica.training.batches import Batch, Draw
from mimica.training.task import Parts, TrainerView

KIND = "reader-refiner"


@dataclass(frozen=True)
class RefinerOptions(ReaderOptions):
    """Options of the refiner's training."""

    hidden: int = option(256, "units of the hidden layer", low=16)
    hardness: float = option(0.7, "how often light, optics and occlusion of a crop are changed", low=0, high=1)
    rough: float = option(0.05, "share of crops cut as roughly as by a detector", low=0, high=1)
    early_factor: float = option(0.2, "learning rate of the layers taken over, as a share of the others'", low=0)
    au_weight: float = option(6.0, "weight of the Action Units' loss", low=0)
    first: Path | None = option(None, "reader.onnx of the network to be corrected; the shipped one if not given")


PRESETS: dict[str, Preset] = {
    "refiner": {"steps": 4000, "batch_size": 96, "workers": 1, "ema": 0.998, "sample_every": 1000, "clip_gradients": 2.0},
    "refiner-smoke": {"steps": 20, "batch_size": 8, "ema": 0.9, "log_every": 5},
}


class RefinerSource:
    """Aligned crops of DETAIL_SIZE, augmented as their draw says, with what the first network reads of them."""

    def __init__(self, data: ReaderData, options: RefinerOptions, hardness: float) -> None:
        self.data, self.options, self.hardness = data, options, hardness
        self._reader: Reader | None = None

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        cv2.setNumThreads(0)  # small pictures: threads only get in the way of the training's
        if self._reader is None:  # here, in the process that uses it: its threads do not survive a fork
            self._reader = Reader(self.options.first, threads=1, refine=False)
        o = self.options
        batch = stack(
            [
                augment(self.data, d.item, np.random.default_rng(d.seed), self.hardness, size=DETAIL_SIZE, rough=o.rough)
                for d in draws
            ]
        )
        return batch | {"first": self._reader.raw(np.stack([shrunk(gray) for gray in batch["gray"]]))}


def folded_convolutions(path: Path) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of each convolution of a reader.onnx, in the order in which they are computed."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    values = {t.name: numpy_helper.to_array(t).astype(np.float32) for t in graph.initializer}
    for node in graph.node:  # weights stored as float16 pass through a cast, shared ones through an identity
        if node.op_type in ("Cast", "Identity") and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    layers = [node for node in graph.node if node.op_type == "Conv"]
    return [(torch.tensor(values[layer.input[1]]), torch.tensor(values[layer.input[2]])) for layer in layers]


class RefinerTask(ReaderTask):
    """One network, one optimiser; see the module's description."""

    name: ClassVar[str] = "reader, refiner"
    options_type: ClassVar[type[TrainingOptions]] = RefinerOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    @cached_property
    def _training(self) -> RefinerSource:  # type: ignore[override]
        return RefinerSource(self.crops.subset(~self.crops.validation), self.options, self.options.hardness)

    def sample_source(self) -> RefinerSource:  # type: ignore[override]
        held_out = np.flatnonzero(self.crops.validation)
        some = held_out[np.linspace(0, len(held_out) - 1, 64).astype(int)]
        return RefinerSource(self.crops.subset(some), self.options, 0.0)

    def build(self, options: Any) -> Parts:
        net = RefinerNet(options.width, options.depth, options.hidden)
        net.early.load_folded(folded_convolutions(options.first or WEIGHTS))
        taken_over = {id(p) for p in net.early.parameters()}
        optimiser = self.optimiser(net)
        for group in list(optimiser.param_groups):
            early = [p for p in group["params"] if id(p) in taken_over]
            group["params"] = [p for p in group["params"] if id(p) not in taken_over]
            optimiser.add_param_group({**group, "params": early, "lr": options.early_factor * options.learning_rate})
        return Parts({"refiner": net}, {"refiner": optimiser}, averaged=("refiner",))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        with trainer.autocast():
            out = trainer.parts.modules["refiner"](to_input(batch["gray"]), batch["first"])
        losses = self.losses(out.float(), batch)
        trainer.update("refiner", self.total(losses, aus=self.options.au_weight))
        before = self.losses(batch["first"], batch)
        scalars = {name: loss.detach() for name, loss in losses.items() if name != "face"}
        return scalars | {f"{name}_before": before[name] for name in ("points", "aus", "emotion")}

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Crops with the points as labelled, as first read, and as refined."""
        out = trainer.best("refiner").eval()(to_input(batch["gray"]), batch["first"])
        read = [o[:, SLICES["points"]].unflatten(1, (-1, 2)).cpu().numpy() for o in (batch["first"], out)]
        columns = zip(batch["gray"].cpu().numpy(), batch["points"].cpu().numpy(), *read, strict=True)
        return np.array([[draw_points(gray, points) for points in rows] for gray, *rows in columns])

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        config = {name: getattr(self.options, name) for name in ("width", "depth", "hidden")}
        return {"refiner": Weights(KIND, 1, SIDED_AU_NAMES, config, module_tensors(trainer.best("refiner")))}
