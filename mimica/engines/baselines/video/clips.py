"""Expression clips on disk, and what the trainings of VGAN, TGAN and MoCoGAN share.

    clips.json   version, title, frames, image_size, and for each clip its subject and emotion
    clips.npy    uint8 (N, T, S, S, 3) RGB, memory-mapped when it is read

`mimica prepare clips` writes the format. Held-out people (`mimica.data.dataset.is_validation`) are never trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions, fields_of, make, option
from mimica.data.dataset import is_validation
from mimica.engines.baselines.video.sizes import FRAMES, SIDE
from mimica.errors import DataError, ValueRangeError
from mimica.model_files.checkpoint import Weights, module_tensors
from mimica.pictures.pixels import as_pictures, to_signed
from mimica.training.batches import Batch, Draw
from mimica.training.task import Task, TrainerView

SMALL: Preset = {"width": 16, "batch_size": 16, "steps": 10_000, "checkpoint_minutes": 5.0}
SMOKE: Preset = {
    "width": 2, "latent": 6, "batch_size": 2, "steps": 6, "log_every": 2, "sample_every": 3, "checkpoint_minutes": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class VideoOptions(TrainingOptions):
    """What the three have; the defaults are the papers' where they agree."""

    width: int = option(64, "channels of the networks next to the picture", low=1)
    latent: int = option(100, "numbers of z; MoCoGAN's content code", low=1)
    batch_size: int = option(32, "clips a step", low=2)
    learning_rate: float = option(2e-4, "learning rate of both optimisers", low=1e-8)
    channels_last: bool = option(False, "not for clips, whose tensors have five axes")
    ema: float = option(
        0.0, "decay of the running mean of the weights, which is what gets exported; 0: none", low=0, high=0.99999
    )


@dataclass(frozen=True)
class Clips:
    """Clips as on disk: `frames` uint8 (N, T, S, S, 3), and of each its `subjects` and `emotions`."""

    title: str
    frames: np.ndarray
    subjects: tuple[str, ...]
    emotions: tuple[str, ...]


def open_clips(folder: Path) -> Clips:
    """Raises `DataError` for a folder of something else, and for clips of other sizes than the networks'."""
    try:
        about = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
        frames = np.load(folder / "clips.npy", mmap_mode="r")
        subjects, emotions = (tuple(clip[name] for clip in about["clips"]) for name in ("subject", "emotion"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} is no set of clips ({error}); make one with `mimica prepare clips`.") from error
    if frames.shape[1:] != (FRAMES, SIDE, SIDE, 3) or len(frames) != len(subjects):
        raise DataError(f"The clips in {folder} are {frames.shape[1:]}; {FRAMES} frames of {SIDE} x {SIDE} pixels are needed.")
    return Clips(about["title"], frames, subjects, emotions)


class ClipSource:
    """`clip` uint8 (B, T, S, S, 3), `emotion` int64 (B,), the place in the set's list of emotions."""

    def __init__(self, clips: Clips, emotions: Sequence[str], items: np.ndarray) -> None:
        self.clips, self.items = clips, items
        self.labels = np.array([emotions.index(emotion) for emotion in clips.emotions], np.int64)

    def __len__(self) -> int:
        return len(self.items)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        rows = [int(self.items[draw.item]) for draw in draws]
        mirrored = [np.random.default_rng(draw.seed).random() < 0.5 for draw in draws]
        frames = [
            self.clips.frames[row][:, :, ::-1] if flip else self.clips.frames[row]
            for row, flip in zip(rows, mirrored, strict=True)
        ]
        return {"clip": np.stack(frames), "emotion": self.labels[rows]}


class VideoTask(Task):
    """Data, samples and exported weights; a method adds `build`, `step` and `generate`."""

    options_type: ClassVar[type[TrainingOptions]] = VideoOptions
    kind: ClassVar[str]

    @cached_property
    def clips(self) -> Clips:
        if len(self.folders) != 1:
            raise ValueRangeError(f"{self.name} learns from one set of clips; {len(self.folders)} are named.")
        return open_clips(self.folders[0])

    @cached_property
    def emotions(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.clips.emotions)))

    @cached_property
    def _training(self) -> ClipSource:
        items = np.flatnonzero([not is_validation(subject) for subject in self.clips.subjects])
        return ClipSource(self.clips, self.emotions, items)

    def source(self) -> ClipSource:
        return self._training

    def adam(self, *networks: nn.Module) -> torch.optim.Optimizer:
        parameters = [parameter for network in networks for parameter in network.parameters()]
        return torch.optim.Adam(parameters, lr=self.options.learning_rate, betas=(0.5, 0.999), fused=True)

    def generator_of(self, options: Any) -> nn.Module:
        """The generator alone."""
        raise NotImplementedError

    @classmethod
    def of_weights(cls, file: Weights) -> VideoTask:
        """A task that can generate with the weights that a training of it exported. Raises `ValueRangeError`."""
        names = [name for name in file.config if name in fields_of(cls.options_type)]
        task = cls(make(cls.options_type, {name: file.config[name] for name in names}), Path())
        task.emotions = tuple(file.config["emotions"])
        return task

    def generate(self, generator: nn.Module, count: int, device: torch.device) -> Tensor:
        """(count, 3, T, S, S) new clips, by torch's generator of random numbers."""
        raise NotImplementedError

    def sample(self, batch: Batch, trainer: TrainerView) -> np.ndarray:
        """Four new clips a row each, every fifth frame; then four of the data."""
        generator = trainer.best("generator")
        made = self.generate(generator, 4, batch["clip"].device)
        both = torch.cat([made, as_clip(batch["clip"][:4])])[:, :, ::5]
        return np.stack([as_pictures(both[:, :, i]) for i in range(both.shape[2])], axis=1)

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        o = self.options
        names = [name for name in ("width", "latent", "motion") if hasattr(o, name)]
        config = {**{name: getattr(o, name) for name in names}, "emotions": list(self.emotions)}
        tensors = module_tensors(trainer.best("generator"))
        notes: Mapping[str, Any] = {"steps": trainer.step, "data": self.clips.title}
        return {"generator": Weights(self.kind, 1, self.emotions, config, tensors, notes)}


def as_clip(frames: Tensor) -> Tensor:
    """uint8 (B, T, S, S, 3) -> float32 (B, 3, T, S, S) in [-1, 1]."""
    signed: Tensor = to_signed(frames.permute(0, 4, 1, 2, 3))
    return signed
