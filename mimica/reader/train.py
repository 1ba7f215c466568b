"""Training of the reader: `mimica train reader --data FACES --data REANIMATED -o RUN`.

Every batch is drawn from all crops, exact and weak labels together, one in eight a negative; subjects that
`mimica.data.dataset.is_validation` names are never seen. See `mimica.reader.augment` for what a crop goes through.
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
from mimica.facs import EMOTIONS, SIDED_AU_NAMES
from mimica.model_files.checkpoint import Weights, module_tensors
from mimica.reader import data as reader_data
from mimica.reader.augment import Sample, augment, negative
from mimica.reader.data import ReaderData
from mimica.reader.losses import au_loss, emotion_loss, face_loss, point_loss, pose_loss
from mimica.reader.networks import ReaderNet, to_input
from mimica.reader.outputs import EYE_DISTANCE, SLICES
from mimica.training.batches import Batch, Draw
from mimica.training.task import Parts, Task, TrainerView

KIND = "reader"

# How many times a photo of each emotion counts against a neutral or happy one, which are nearly all there are.
_RARE = {"surprise": 4.0, "anger": 5.0, "sadness": 5.0, "disgust": 6.0, "fear": 6.0, "contempt": 4.0}


@dataclass(frozen=True)
class ReaderOptions(TrainingOptions):
    """Options of the reader's training."""

    may_change: ClassVar[frozenset[str]] = frozenset({"hardness", "negatives", "alarms"})

    width: int = option(64, "channels at 28 px; twice and four times as many at 14 and 7 px", low=8)
    depth: int = option(3, "residual blocks at 14 and at 7 px", low=1)
    hidden: int = option(384, "units of the hidden layer", low=16)
    learning_rate: float = option(
        2e-3, "largest learning rate of AdamW; it rises for 5% of the steps, then falls as a cosine", low=1e-6
    )
    weight_decay: float = option(0.02, "weight decay of AdamW", low=0)
    hardness: float = option(
        1.0, "how often light, optics and occlusion of a crop are changed; lower it towards the end", low=0, high=1
    )
    negatives: float = option(0.12, "share of crops that show no face", low=0, high=0.5)
    alarms: Path | None = option(None, "folder of pictures of 160 px in which a detector saw a face that is none")


PRESETS: dict[str, Preset] = {
    "default": {"steps": 6000, "batch_size": 96, "workers": 1, "ema": 0.998, "sample_every": 1000, "clip_gradients": 2.0},
    "smoke": {"steps": 60, "batch_size": 16, "width": 16, "depth": 1, "hidden": 64, "ema": 0.9, "log_every": 10},
}


class CropSource:
    """The crops of one side of the split, augmented as their draw says."""

    def __init__(self, data: ReaderData, negatives: float, hardness: float = 1.0, alarms: np.ndarray | None = None) -> None:
        self.data, self.negatives, self.hardness, self.alarms = data, negatives, hardness, alarms

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        cv2.setNumThreads(0)  # small pictures: threads only get in the way of the training's
        return stack([self._sample(draw) for draw in draws])

    def _sample(self, draw: Draw) -> Sample:
        rng = np.random.default_rng(draw.seed)
        if rng.random() < self.negatives:
            return negative(self.data, draw.item, rng, self.alarms)
        return augment(self.data, draw.item, rng, self.hardness)


def stack(samples: Sequence[Sample]) -> dict[str, np.ndarray]:
    """Samples -> named arrays, the batch axis first."""
    return {
        "gray": np.stack([s.gray for s in samples]),
        "points": np.stack([s.points for s in samples]).astype(np.float32),
        "pose": np.stack([s.pose for s in samples]).astype(np.float32),
        "aus": np.stack([s.aus for s in samples]).astype(np.float32),
        "emotion": np.array([s.emotion for s in samples], np.int64),
        "face": np.array([s.face for s in samples], np.float32),
        "exact": np.array([s.exact for s in samples], bool),
    }


class ReaderTask(Task):
    """One network, one optimiser, five losses added up."""

    name: ClassVar[str] = "reader"
    options_type: ClassVar[type[TrainingOptions]] = ReaderOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    def __init__(self, options: Any, data: Path | Sequence[Path]) -> None:
        folders = [data] if isinstance(data, Path) else list(data)
        super().__init__(options, folders[0])
        self.folders = folders
        self.class_weights = torch.tensor([_RARE.get(name, 1.0) for name in EMOTIONS])

    @cached_property
    def crops(self) -> ReaderData:
        first, *others = [reader_data.load(folder) for folder in self.folders]
        return sum(others, start=first)

    @cached_property
    def _training(self) -> CropSource:
        o = self.options
        alarms = reader_data.load_alarms(o.alarms) if o.alarms else None
        return CropSource(self.crops.subset(~self.crops.validation), o.negatives, o.hardness, alarms)

    def source(self) -> CropSource:
        return self._training

    def sample_source(self) -> CropSource:
        held_out = np.flatnonzero(self.crops.validation)
        return CropSource(self.crops.subset(held_out[np.linspace(0, len(held_out) - 1, 64).astype(int)]), 0.0)

    def build(self, options: Any) -> Parts:
        net = ReaderNet(options.width, options.depth, options.hidden)
        return Parts({"reader": net}, {"reader": self.optimiser(net)}, averaged=("reader",))

    def optimiser(self, net: torch.nn.Module) -> torch.optim.Optimizer:
        """AdamW; scales and biases are not decayed."""
        decayed = [p for p in net.parameters() if p.ndim > 1]
        others = [p for p in net.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": self.options.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=self.options.learning_rate)

    def learning_rate_factor(self, step: int) -> float:
        warm = max(1, self.options.steps // 20)
        if step < warm:
            return (step + 1) / warm
        return 0.005 + 0.995 * 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(1, self.options.steps - warm))))

    def losses(self, out: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Named losses of the network's outputs (B, OUTPUT_SIZE), unweighted."""
        return {
            "points": point_loss(out[:, SLICES["points"]].unflatten(1, (-1, 2)), batch["points"]),
            "pose": pose_loss(out[:, SLICES["pose"]], batch["pose"]),
            "aus": au_loss(out[:, SLICES["aus"]], batch["aus"], batch["exact"]),
            "emotion": emotion_loss(out[:, SLICES["emotions"]], batch["emotion"], self.class_weights.to(out.device)),
            "face": face_loss(out[:, SLICES["face"]][:, 0], batch["face"]),
        }

    def total(self, losses: Mapping[str, Tensor], **weights: float) -> Tensor:
        """The weighted sum that is minimised."""
        weights = {"points": 10.0, "pose": 2.0, "aus": 3.0, "emotion": 0.3, "face": 0.5} | weights
        return sum((weights[name] * loss for name, loss in losses.items()), start=torch.zeros(()))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        with trainer.autocast():
            out = trainer.parts.modules["reader"](to_input(batch["gray"]))
        losses = self.losses(out.float(), batch)
        trainer.update("reader", self.total(losses))
        return {name: loss.detach() for name, loss in losses.items()}

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Crops with the points as labelled (left) and as read (right)."""
        net = trainer.best("reader").eval()
        out = net(to_input(batch["gray"]))[:, SLICES["points"]].unflatten(1, (-1, 2)).cpu().numpy()
        rows = [
            [draw_points(gray, labelled), draw_points(gray, read)]
            for gray, labelled, read in zip(batch["gray"].cpu().numpy(), batch["points"].cpu().numpy(), out, strict=True)
        ]
        return np.array(rows)

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        config = {name: getattr(self.options, name) for name in ("width", "depth", "hidden")}
        return {"reader": Weights(KIND, 1, SIDED_AU_NAMES, config, module_tensors(trainer.best("reader")))}


def draw_points(gray: np.ndarray, points: np.ndarray, zoom: int = 3) -> np.ndarray:
    """uint8 (S, S) and points in the network's units -> uint8 (zoom S, zoom S, 3)."""
    picture = cv2.cvtColor(cv2.resize(gray, None, fx=zoom, fy=zoom), cv2.COLOR_GRAY2RGB)
    for x, y in points[np.isfinite(points).all(-1)] * EYE_DISTANCE * len(gray) + len(gray) / 2:
        cv2.circle(picture, (int(x * zoom), int(y * zoom)), 1, (60, 255, 60), -1)
    return picture
