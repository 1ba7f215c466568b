"""Options, presets and the plan of stages of the embedded generator's training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from mimica.config import Preset, TrainingOptions, option
from mimica.errors import ValueRangeError

STAGES = ("autoencoder", "critics", "top", "top_critics", "joint", "encoder")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "all": STAGES, "body": STAGES[:2], "top": STAGES[2:4], "joint": ("joint", "encoder"), "encoder": ("encoder",),
}  # fmt: skip


@dataclass(frozen=True)
class CascadeOptions(TrainingOptions):
    """Options of the embedded generator's training; learning rates and losses by stage."""

    may_change: ClassVar[frozenset[str]] = frozenset(
        {f"{name}_steps" for name in STAGES}
        | {"learning_rate", "critics_learning_rate", "encoder_learning_rate", "critic_learning_rate", "top_learning_rate"}
        | {"encoder_share", "mapping_every", "spread", "perceptual", "changes", "face", "adversarial", "projected", "gamma"}
        | {"originals", "features", "dirt", "noise", "placed", "jitter"}
    )

    stages: Literal["all", "body", "top", "joint", "encoder"] = option(
        "all", "what to train: body and top can be trained at the same time, then both together, then the encoder"
    )
    autoencoder_steps: int = option(7500, "steps of the first stage of the body", low=0)
    critics_steps: int = option(37500, "steps of the second stage of the body", low=0)
    top_steps: int = option(1250, "steps of the first stage of the top", low=0)
    top_critics_steps: int = option(18750, "steps of the second stage of the top", low=0)

    joint_steps: int = option(10000, "steps of body and top together", low=0)
    encoder_steps: int = option(7500, "steps of the encoder alone, the last stage", low=0)

    image_size: int = option(256, "side of the pictures in pixels", low=32, high=1024)
    entry: int = option(64, "side of the picture that the body draws and the top enlarges", low=16)
    base_size: int = option(16, "side of the picture that is linear in w", low=8)
    w_size: int = option(512, "length of w and z", low=8)
    widths: tuple[int, ...] = option((256, 256, 192, 128, 64, 48, 24), "feature maps at 4, 8, ... pixels")
    top_width: int = option(96, "feature maps of the entry of the top ...", low=4)
    context: int = option(128, "... and of its smaller scales", low=4)
    encoder_width: int = option(24, "feature maps of the encoder at 64 px", low=4)
    codes: int = option(1024, "codes of training faces, mirrored ones too, that seeds blend", low=2)
    blended: float = option(1.75, "so many of them count in a seed", low=1.1, high=16)
    dims: int = option(12, "numbers of z that choose the codes", low=1)

    learning_rate: float = option(2e-3, "autoencoder: learning rate of Adam", low=1e-8)
    critics_learning_rate: float = option(1.5e-3, "critics: learning rate of the generator's Adam", low=1e-8)
    encoder_share: float = option(0.3, "critics: learning rate of the encoder, as a share of that; 0: it stands", low=0)
    mapping_every: int = option(1000, "critics: steps between two fits of the seeds' codes to the encoder", low=1)
    critic_learning_rate: float = option(2e-3, "learning rate of the critics' Adams", low=1e-8)
    encoder_learning_rate: float = option(1e-3, "encoder: learning rate of Adam", low=1e-8)
    top_learning_rate: float = option(3e-3, "top: learning rate of Adam; two thirds of it with critics, half in joint", low=1e-8)
    placed: float = option(0.5, "share of the rebuilt pictures that are drawn with a w of its own for each place", low=0, high=1)
    jitter: float = option(0.5, "autoencoder, encoder: how far pictures are turned, sized, moved and toned", low=0, high=4)
    spread: float = option(0.03, "standard deviation of the noise added to w", low=0)
    prior: float = option(1e-3, "weight of the mean square of w", low=0)
    changes: float = option(1e-2, "weight of the mean square of the changes of w at each place", low=0)
    face: float = option(2.0, "how much more a pixel in the middle of the face counts", low=0)
    perceptual: float = option(1.0, "weight of the distance of frozen features; half of it for the top", low=0)
    features: Path | None = option(None, "MobileNetV2 as nsfwjs-4.3.0.tgz or a folder with model.json; none: Mimica's reader")
    adversarial: float = option(0.05, "weight of the plain critic; twice it for the top", low=0)
    projected: float = option(0.05, "weight of the heads on frozen features; twice it for the top", low=0)
    gamma: float = option(1.0, "weight of R1; twice it for the top", low=0)
    penalty_every: int = option(8, "critic steps between two of R1", low=1)
    sampled: float = option(0.375, "critics: share of the batch that is drawn from seeds, not rebuilt", low=0, high=0.9)
    dirt: float = option(1.0, "top: how blurred and noisy its input may be; 0: never", low=0, high=4)
    given: Path | None = option(None, "top: a set of `mimica prepare redrawn`: its pictures are enlarged, not true small ones")
    noise: bool = option(True, "top: its critics' stage draws with noise inputs; a restoring network is used without")
    originals: int = option(3, "how often a photo is drawn against once for each of its copies with another expression", low=1)
    start: Path | None = option(None, "weights/ of a run, or mimica/weights, whose body and encoder to start from")
    start_top: Path | None = option(None, "weights/ of a run, or mimica/weights, whose top to start from")


PRESETS: dict[str, Preset] = {
    "embedded": {
        "steps": 10_000_000, "batch_size": 8, "ema": 0.998, "log_every": 50, "sample_every": 500, "checkpoint_minutes": 4.0,
    },
    "embedded-smoke": {
        "steps": 10_000, "batch_size": 4, "autoencoder_steps": 4, "critics_steps": 4, "top_steps": 4, "top_critics_steps": 4,
        "joint_steps": 4, "encoder_steps": 4,
        "image_size": 64, "entry": 32, "base_size": 8, "w_size": 16, "widths": (8, 8, 8, 8, 8), "top_width": 8, "context": 8,
        "encoder_width": 4, "codes": 12, "dims": 4, "ema": 0.9, "log_every": 2, "sample_every": 4,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """Steps `start` to `stop` (exclusive) of a run."""

    name: str
    start: int
    stop: int

    def share(self, step: int) -> float:
        """How much of the stage is over, [0, 1)."""
        return (step - self.start) / max(1, self.stop - self.start)


def plan(options: Any) -> list[Stage]:
    """The stages of a run in order, without those of no steps. Raises `ValueRangeError` where none has any."""
    stages, start = [], 0
    for name in CHOICES[options.stages]:
        stop = start + getattr(options, f"{name}_steps")
        if stop > start:
            stages.append(Stage(name, start, stop))
        start = stop
    if not stages:
        names = ", ".join(f"{name}_steps" for name in CHOICES[options.stages])
        raise ValueRangeError(f"Nothing is left to train: {names} are all 0.")
    return stages


def stage_at(stages: list[Stage], step: int) -> Stage:
    """The stage that `step` belongs to; the last one for steps beyond."""
    return next((stage for stage in stages if step < stage.stop), stages[-1])
