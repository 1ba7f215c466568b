"""Training of the sequence predictor: `mimica train predictor --data SEQUENCES -o RUN`. It takes a minute or two on a CPU.

The loss is the mean negative log-likelihood of the next emotion and of the next change of Action Units and pose, at every
step of pieces of the clips. Clips of the fold `held_out` (by `Clip.fold`, whole clips) are never seen. A clip is shown as it
is or mirrored: the Action Units have no sides here, so only yaw and roll change their signs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from mimica.config import Preset, TrainingOptions, option
from mimica.errors import DataError
from mimica.facs import EMOTIONS
from mimica.model_files.checkpoint import Weights, module_tensors
from mimica.motion.predictor.clips import Clip, load_clips
from mimica.motion.predictor.predict import (
    DOUBT,
    INPUT_REACH,
    INPUTS,
    KIND,
    PACE,
    SIGMA_FLOOR,
    SIZE,
    STATE,
    STEP,
    STRETCH,
    UNITS,
    VERSION,
)
from mimica.training.batches import Batch, Draw
from mimica.training.task import Parts, Task, TrainerView

_MIRRORED = np.array([-1.0 if name in ("yaw", "roll") else 1.0 for name in STATE])
_LEAST_SPREAD = np.array([0.02] * len(UNITS) + [0.3] * 3)
"""Below this a change is noise of measuring: Action Units, degrees."""


@dataclass(frozen=True)
class PredictorOptions(TrainingOptions):
    """Options of the predictor's training."""

    hidden: int = option(32, "units of the LSTM", low=4)
    components: int = option(6, "Gaussians in the mixture", low=1)
    length: int = option(40, "steps of a piece of a clip, 0.08 s each", low=4)
    learning_rate: float = option(3e-3, "largest learning rate of AdamW; it falls as a cosine", low=1e-6)
    weight_decay: float = option(0.05, "weight decay of AdamW", low=0)
    dropout: float = option(0.3, "share of the LSTM's outputs dropped on the way to the heads", low=0, high=0.9)
    noise: float = option(0.1, "noise on the state that the network sees, in standard deviations", low=0)
    held_out: int = option(0, "fold of clips, 0 to 4, never seen; -1: none", low=-1, high=4)


PRESETS: dict[str, Preset] = {
    "default": {"steps": 300, "batch_size": 32, "ema": 0.98, "clip_gradients": 1.0, "sample_every": 0, "log_every": 50},
    "smoke": {"steps": 20, "batch_size": 8, "hidden": 8, "components": 2, "ema": 0.9, "sample_every": 0, "log_every": 5},
}


def whitening(clips: Sequence[Clip]) -> np.ndarray:
    """(SIZE, SIZE): makes the changes of the clips uncorrelated and of variance 1; `_LEAST_SPREAD` keeps it tame."""
    changes = np.concatenate([np.diff(clip.states, axis=0) for clip in clips])
    covariance = changes.T @ changes / len(changes) + np.diag(_LEAST_SPREAD**2)
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors / np.sqrt(values)).T)


def fit_mixture(samples: np.ndarray, components: int) -> GaussianMixture:
    """Gaussians with axes of their own for whitened samples (N, SIZE), none narrower than `SIGMA_FLOOR`."""
    return GaussianMixture(components, covariance_type="diag", reg_covar=SIGMA_FLOOR**2, random_state=0).fit(samples)


def log_transitions(clips: Sequence[Clip]) -> np.ndarray:
    """(8, 8): log-probability of the next emotion, a row for each present one. Staying counts once more than was seen,
    everything a tenth."""
    counts = np.full((len(EMOTIONS), len(EMOTIONS)), 0.1) + np.eye(len(EMOTIONS))
    for clip in clips:
        np.add.at(counts, (clip.emotions[:-1], clip.emotions[1:]), 1)
    return np.asarray(np.log(counts / counts.sum(axis=1, keepdims=True)))


def mixture_density(change: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """log p (...) of whitened changes (..., SIZE) under Gaussians (..., M, SIZE)."""
    each = torch.distributions.Normal(means, sigmas).log_prob(change[..., None, :]).sum(-1)
    return (log_weights + each).logsumexp(-1)


class PredictorNet(nn.Module):
    """The network of `mimica.motion.predictor.predict` in torch. Buffers, worked out once from the clips: `mean`, `scale`,
    `whiten`, the mixture (`log_weights`, `means`, `sigmas`) and the logarithms of the emotions' `transitions`."""

    mean: Tensor
    scale: Tensor
    whiten: Tensor
    log_weights: Tensor
    means: Tensor
    sigmas: Tensor
    transitions: Tensor

    def __init__(self, hidden: int, components: int, dropout: float, noise: float) -> None:
        super().__init__()
        self.noise = noise
        self.lstm = nn.LSTM(INPUTS, hidden, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, len(EMOTIONS) + 2 * SIZE + components)
        self.direct = nn.Linear(INPUTS, len(EMOTIONS) + 2 * SIZE + components, bias=False)
        for parameter in (*self.direct.parameters(), *self.head.parameters()):
            nn.init.zeros_(parameter)  # what is learned starts from the mixture and the table of transitions as they are
        shapes = {"mean": (SIZE,), "scale": (SIZE,), "whiten": (SIZE, SIZE), "transitions": (len(EMOTIONS),) * 2}
        shapes |= {"log_weights": (components,), "means": (components, SIZE), "sigmas": (components, SIZE)}
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))

    def fit_buffers(self, clips: Sequence[Clip]) -> None:
        """The buffers for these clips."""
        states = np.concatenate([clip.states for clip in clips])
        whiten = whitening(clips)
        mixture = fit_mixture(np.concatenate([np.diff(clip.states, axis=0) for clip in clips]) @ whiten.T, len(self.log_weights))
        found = {
            "mean": states.mean(axis=0),
            "scale": states.std(axis=0) + _LEAST_SPREAD,
            "whiten": whiten,
            "log_weights": np.log(mixture.weights_),
            "means": mixture.means_,
            "sigmas": np.sqrt(mixture.covariances_),
            "transitions": log_transitions(clips),
        }
        for name, array in found.items():
            getattr(self, name).copy_(torch.from_numpy(np.asarray(array)))

    def forward(self, states: Tensor, emotions: Tensor, first: Tensor) -> dict[str, Tensor]:
        """(B, T, SIZE), (B, T), (B, SIZE) -> log-likelihoods (B, T - 1) of the next emotion and of the next change."""
        now, change = states[:, :-1], (states[:, 1:] - states[:, :-1]) @ self.whiten.T
        inputs = self._inputs(now, emotions[:, :-1], change, first)
        out = self.head(self.drop(self.lstm(inputs)[0])) + self.direct(inputs)
        logits, shift, stretch, weights = out.split([len(EMOTIONS), SIZE, SIZE, len(self.log_weights)], dim=-1)
        sigmas = (self.sigmas * (STRETCH * stretch.tanh()).exp()[..., None, :]).clamp_min(SIGMA_FLOOR)
        made = mixture_density(change, (weights + self.log_weights).log_softmax(-1), self.means + shift[..., None, :], sigmas)
        plain = mixture_density(change, self.log_weights, self.means, self.sigmas)
        chances = (logits + self.transitions[emotions[:, :-1]]).log_softmax(-1)
        return {
            "emotion": chances.gather(-1, emotions[:, 1:, None])[..., 0],
            "motion": torch.logaddexp(made + math.log(1 - DOUBT), plain + math.log(DOUBT)),
        }

    def _inputs(self, now: Tensor, emotions: Tensor, change: Tensor, first: Tensor) -> Tensor:
        """(B, T - 1, INPUTS); `change` is the one to come, the one that was is a step behind it."""
        was = torch.cat([torch.zeros_like(change[:, :1]), change[:, :-1]], dim=1)
        pace, paces = torch.ones_like(was[:, 0]), []
        for moment in was.abs().unbind(1):
            pace = PACE * pace + (1 - PACE) * moment
            paces.append(pace)
        seen = (now - self.mean) / self.scale
        if self.training:
            seen = seen + self.noise * torch.randn_like(seen)
        known = nn.functional.one_hot(emotions, len(EMOTIONS)).to(now.dtype)
        face = ((first - self.mean) / self.scale)[:, None].expand_as(now)
        speeds = [(0.1 + size).log() for size in (was.abs(), torch.stack(paces, 1))]
        return torch.cat([seen, was, *speeds, known, face], dim=-1).clamp(-INPUT_REACH, INPUT_REACH)


class PieceSource:
    """Pieces of clips, each clip as often as it has pieces; shorter ones are filled up, which `known` marks."""

    def __init__(self, clips: Sequence[Clip], length: int) -> None:
        self.clips, self.length = list(clips), length
        self.owners = [i for i, clip in enumerate(clips) for _ in range(max(1, len(clip.states) // length))]

    def __len__(self) -> int:
        return len(self.owners)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        pieces = [self._piece(draw) for draw in draws]
        return {name: np.stack([piece[name] for piece in pieces]) for name in pieces[0]}

    def _piece(self, draw: Draw) -> dict[str, np.ndarray]:
        rng, clip = np.random.default_rng(draw.seed), self.clips[self.owners[draw.item]]
        sign = _MIRRORED if rng.random() < 0.5 else np.ones(SIZE)
        start = int(rng.integers(max(1, len(clip.states) - self.length + 1)))
        states, emotions = clip.states[start : start + self.length] * sign, clip.emotions[start : start + self.length]
        missing = self.length - len(states)
        return {
            "states": np.pad(states, ((0, missing), (0, 0)), mode="edge").astype(np.float32),
            "emotions": np.pad(emotions, (0, missing), mode="edge"),
            "first": (states[0] if start else clip.states[0] * sign).astype(np.float32),
            "known": (np.arange(1, self.length) < len(states)).astype(np.float32),
        }


class PredictorTask(Task):
    """One network, one optimiser, one loss."""

    name: ClassVar[str] = "predictor"
    options_type: ClassVar[type[TrainingOptions]] = PredictorOptions
    presets: ClassVar[Mapping[str, Preset]] = PRESETS

    @cached_property
    def clips(self) -> list[Clip]:
        """The clips to learn from."""
        clips = [clip for clip in load_clips(self.folders) if clip.fold != self.options.held_out]
        if not clips:
            raise DataError(f"All clips in {', '.join(map(str, self.folders))} are held out; give more, or set held_out=-1.")
        return clips

    @cached_property
    def _pieces(self) -> PieceSource:
        return PieceSource(self.clips, self.options.length)

    def source(self) -> PieceSource:
        return self._pieces

    def build(self, options: Any) -> Parts:
        net = PredictorNet(options.hidden, options.components, options.dropout, options.noise)
        net.fit_buffers(self.clips)
        optimiser = torch.optim.AdamW(net.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
        return Parts({"predictor": net}, {"predictor": optimiser}, averaged=("predictor",))

    def learning_rate_factor(self, step: int) -> float:
        return 0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * step / self.options.steps)))

    def step(self, batch: Batch, trainer: TrainerView) -> dict[str, Tensor]:
        likelihoods = trainer.parts.modules["predictor"](batch["states"], batch["emotions"], batch["first"])
        known = batch["known"] / batch["known"].sum()
        losses = {name: -(likelihood * known).sum() for name, likelihood in likelihoods.items()}
        trainer.update("predictor", losses["emotion"] + losses["motion"])
        return {name: loss.detach() for name, loss in losses.items()}

    def weights(self, trainer: TrainerView) -> dict[str, Weights]:
        config = {name: getattr(self.options, name) for name in ("hidden", "components", "held_out")}
        notes = {"step": STEP, "clips": [clip.name for clip in self.clips], "likelihood": "whitened units"}
        return {"predictor": Weights(KIND, VERSION, STATE, config, module_tensors(trainer.best("predictor")), notes)}
