"""Predicted motion: what may a face do next? A recurrent network, run by numpy alone.

After L. Zhang, C. Pollett, "Facial Expression Video Synthesis from the StyleGAN Latent Space" (2021): an LSTM that predicts
the next emotion from the face and the emotions before. Here it predicts, 12.5 times a second, the probabilities of the next
emotion and, as a mixture of Gaussians (C. M. Bishop, "Mixture Density Networks", 1994), the change of 14 Action Units and
the head pose; both are drawn at random, so sequences differ by their seed.

State x: `UNITS` in [0, 1], then yaw, pitch, roll in degrees from where the head is usually held. The network sees x, its last
change, how fast things move now and moved lately, the emotion, and the first state of all, which stands for the face. Changes
are whitened by `whiten`. The mixture's own means and widths are those of all changes together; the network shifts and scales
them and chooses between the components, as rest and quick movement come in turns. So for the emotion: it adds to the
logarithms of the table of transitions.
Not predicted: blinks, which are laid over (`mimica.motion.presets`); AU06, which goes with AU12 as in a smile; AU09.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mimica.errors import ValueRangeError, WeightsError
from mimica.facs import EMOTIONS, RECIPES, SIDED_AU_NAMES, without_sides
from mimica.model_files.checkpoint import Array, check_arrays, load_weights
from mimica.motion.presets import blinks
from mimica.motion.track import POSE, Track

KIND, VERSION = "predictor", 1
WEIGHTS = Path(__file__).parents[2] / "weights" / "predictor.safetensors"
STEP = 0.08
"""Seconds from one state to the next."""
UNITS: tuple[str, ...] = (
    "AU01", "AU02", "AU04", "AU05", "AU07", "AU10", "AU12", "AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26",
)  # fmt: skip
STATE: tuple[str, ...] = (*UNITS, *POSE)
SIZE = len(STATE)
INPUTS = 5 * SIZE + len(EMOTIONS)
ARRAYS = {
    "lstm.weight_ih_l0": Array("4 hidden", INPUTS),
    "lstm.weight_hh_l0": Array("4 hidden", "hidden"),
    "lstm.bias_ih_l0": Array("4 hidden"),
    "lstm.bias_hh_l0": Array("4 hidden"),
    "head.weight": Array("outputs", "hidden"),
    "head.bias": Array("outputs"),
    "direct.weight": Array("outputs", INPUTS),
    "mean": Array(SIZE),
    "scale": Array(SIZE, low=1e-6),
    "whiten": Array(SIZE, SIZE),
    "means": Array("mixtures", SIZE),
    "sigmas": Array("mixtures", SIZE, low=0),
    "log_weights": Array("mixtures"),
    "transitions": Array(len(EMOTIONS), len(EMOTIONS)),
}
"""Every array of a file."""
PACE = 0.8
"""Share that the running mean of the speed keeps at a step."""
INPUT_REACH = 3.0
SIGMA_FLOOR = 0.1
"""The least standard deviation of a component, in whitened units: no likelihood is won by spikes where the face rests."""
DOUBT = 0.1
"""Weight of the mixture as it is, beside the one that the network makes of it: what it never saw finds it humble."""
STRETCH = 2.0
"""By how much a width's logarithm may be changed."""
PULL = 0.03
"""Share of the way back to the first state at each step when sequences are drawn, against drift: errors add up over minutes."""
_POSE_REACH = 20.0
_SQUINT_WITH_SMILE = 0.8
"""AU06 for each AU12, as in the recipe of happiness."""
_MAX_SECONDS = 600.0
WEAK = 0.5
"""Projection of the Action Units on the recipe below which an expression counts as neutral."""
LATEST = 6
"""States before the present one over which the emotion is averaged."""


def nearest_emotions(states: np.ndarray) -> np.ndarray:
    """(T, SIZE) -> int64 (T,), places in `EMOTIONS`: whose recipe resembles the Action Units of the last half second most;
    a weak expression is neutral."""
    units = np.asarray(states, np.float64)[:, : len(UNITS)]
    sums = np.cumsum(np.vstack([np.zeros(len(UNITS)), units]), axis=0)
    first = np.maximum(0, np.arange(len(units)) - LATEST)
    mean = (sums[1:] - sums[first]) / (np.arange(len(units)) - first + 1)[:, None]
    recipes = np.array([[RECIPES[emotion].get(int(unit[2:]), 0.0) for unit in UNITS] for emotion in EMOTIONS[1:]])
    strength = mean @ (recipes / np.linalg.norm(recipes, axis=1, keepdims=True)).T
    likeness = strength / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-6)
    best = likeness.argmax(axis=1)
    strong = strength[np.arange(len(best)), best] > WEAK
    return np.where(strong, best + 1, 0).astype(np.int64)


@dataclass(frozen=True)
class Outputs:
    """What the network says about the next step: `emotions` (8,) log-probabilities; of each of M components the log-`weights`
    (M,), the `means` (M, SIZE) and standard deviations `sigmas` (M, SIZE) of the whitened change."""

    emotions: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    sigmas: np.ndarray


class Memory(NamedTuple):
    """What goes from step to step: the LSTM's `h` and `c`, and the running mean of the whitened speed, `pace` (SIZE,)."""

    h: np.ndarray
    c: np.ndarray
    pace: np.ndarray


@dataclass(frozen=True)
class Prediction:
    """A sequence drawn: the absolute `track`, and the `emotions` (time in seconds, name), one where it changes."""

    track: Track
    emotions: tuple[tuple[float, str], ...]


class Predictor:
    """The network with its weights. Raises `WeightsError` for a file that does not fit."""

    def __init__(self, path: str | Path | None = None) -> None:
        path = Path(path) if path else WEIGHTS
        if not path.is_file():
            raise WeightsError(f"There are no weights of the predictor at '{path}': train them with `mimica train predictor`.")
        weights = load_weights(path, KIND, VERSION)
        if weights.controls != STATE:
            raise WeightsError(f"'{path}' predicts other Action Units than this Mimica: take the file that belongs to it.")
        sizes = check_arrays(weights.tensors, ARRAYS, path)
        made = {"4 hidden": 4 * sizes["hidden"], "outputs": len(EMOTIONS) + 2 * SIZE + sizes["mixtures"]}
        check_arrays(weights.tensors, ARRAYS, path, made)
        try:
            self._set(weights.tensors)
        except np.linalg.LinAlgError as error:
            raise WeightsError(f"'{path}' is damaged: whiten has no inverse; get the file again.") from error

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> Predictor:
        """From the arrays of a file, by name."""
        made = cls.__new__(cls)
        made._set(tensors)
        return made

    def _set(self, tensors: Mapping[str, np.ndarray]) -> None:
        self.t = {name: np.asarray(array, np.float64) for name, array in tensors.items()}
        self.hidden = self.t["lstm.weight_hh_l0"].shape[1]
        self._unwhiten = np.linalg.inv(self.t["whiten"])

    # --- the network ------------------------------------------------------------------------------------------------

    def start(self) -> Memory:
        """The memory before the first step."""
        return Memory(np.zeros(self.hidden), np.zeros(self.hidden), np.ones(SIZE))

    def step(
        self, state: np.ndarray, before: np.ndarray, emotion: int, first: np.ndarray, memory: Memory
    ) -> tuple[Outputs, Memory]:
        """One step: the LSTM (gates in the order input, forget, cell, output) and its heads. `state`, the one `before` it and
        the `first` of all are (SIZE,), `emotion` is the place in `EMOTIONS`."""
        t = self.t
        change = t["whiten"] @ (state - before)
        pace = PACE * memory.pace + (1 - PACE) * np.abs(change)
        known = np.eye(len(EMOTIONS))[emotion]
        scaled = [(x - t["mean"]) / t["scale"] for x in (state, first)]
        inputs = np.concatenate([scaled[0], change, speed(np.abs(change)), speed(pace), known, scaled[1]])
        inputs = np.clip(inputs, -INPUT_REACH, INPUT_REACH)
        gates = t["lstm.weight_ih_l0"] @ inputs + t["lstm.bias_ih_l0"] + t["lstm.weight_hh_l0"] @ memory.h + t["lstm.bias_hh_l0"]
        i, f, g, o = np.split(gates, 4)
        c = _sigmoid(f) * memory.c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        out = t["head.weight"] @ h + t["head.bias"] + t["direct.weight"] @ inputs
        emotions, shift, stretch, weights = np.split(out, np.cumsum([len(EMOTIONS), SIZE, SIZE]))
        sigmas = np.maximum(SIGMA_FLOOR, t["sigmas"] * np.exp(STRETCH * np.tanh(stretch)))
        made = _log_softmax(weights + t["log_weights"])
        outputs = Outputs(
            emotions=_log_softmax(emotions + t["transitions"][emotion]),
            weights=_log_softmax(np.concatenate([made + np.log(1 - DOUBT), t["log_weights"] + np.log(DOUBT)])),
            means=np.vstack([t["means"] + shift, t["means"]]),
            sigmas=np.vstack([sigmas, t["sigmas"]]),
        )
        return outputs, Memory(h, c, pace)

    def log_likelihoods(self, states: np.ndarray, emotions: np.ndarray) -> np.ndarray:
        """(T, SIZE) and (T,) -> (T - 1, 2), nats: of each next emotion, and of each next whitened change, given all before."""
        memory, rows = self.start(), []
        for i in range(len(states) - 1):
            out, memory = self.step(states[i], states[max(0, i - 1)], int(emotions[i]), states[0], memory)
            change = self.t["whiten"] @ (states[i + 1] - states[i])
            rows.append([out.emotions[emotions[i + 1]], mixture_log_density(change, out)])
        return np.array(rows).reshape(-1, 2)

    # --- drawing ----------------------------------------------------------------------------------------------------

    def draw(self, first: np.ndarray, steps: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """From the state (SIZE,) on: states (steps + 1, SIZE) within their limits, emotions (steps + 1,)."""
        low = np.array([0.0] * len(UNITS) + [-_POSE_REACH] * len(POSE))
        high = np.array([1.0] * len(UNITS) + [_POSE_REACH] * len(POSE))
        states, emotions = [np.clip(first, low, high)], [int(nearest_emotions(first[None])[0])]
        memory = self.start()
        for i in range(steps):
            out, memory = self.step(states[-1], states[max(0, i - 1)], emotions[-1], states[0], memory)
            component = rng.choice(len(out.weights), p=np.exp(out.weights))
            change = out.means[component] + out.sigmas[component] * rng.standard_normal(SIZE)
            back = PULL * (states[0] - states[-1])
            states.append(np.clip(states[-1] + self._unwhiten @ change + back, low, high))
            emotions.append(int(rng.choice(len(EMOTIONS), p=np.exp(out.emotions))))
        return np.array(states), np.array(emotions)

    def predict(self, own: Mapping[str, float], seconds: float, seed: int = 0) -> Prediction:
        """What a face that shows `own` (34 sided Action Units, pose) may do in `seconds`: it begins with `own`; what one side
        shows more than the other it keeps. The same seed gives the same sequence."""
        if not 0.1 <= seconds <= _MAX_SECONDS:
            raise ValueRangeError(f"The length is {seconds:g} s; legal is 0.1 to {_MAX_SECONDS:g} s.")
        if seed < 0:
            raise ValueRangeError(f"The seed is {seed}; it must be 0 or more.")
        rng = np.random.default_rng(seed)
        means = without_sides({name: own[name] for name in SIDED_AU_NAMES})
        first = np.array([means[name] for name in UNITS] + [0.0] * len(POSE))
        steps = int(np.ceil(seconds / STEP))
        states, emotions = self.draw(first, steps, rng)
        times = np.minimum(np.arange(steps + 1) * STEP, seconds)
        track = _as_track(times, states, own)
        if seconds < steps * STEP:  # the last state lies beyond the end: stop on the way to it
            last = states[-2] + (states[-1] - states[-2]) * (seconds - times[-2]) / STEP
            track = _as_track(times, np.vstack([states[:-1], last]), own)
        return Prediction(track.max_with(blinks(seconds, rng)), _changes(times, emotions))


def _as_track(times: np.ndarray, states: np.ndarray, own: Mapping[str, float]) -> Track:
    """All 34 Action Units and the pose: `own` plus the change since the first state."""
    change = dict(zip(STATE, (states - states[0]).T, strict=True))
    change["AU06"] = _SQUINT_WITH_SMILE * change["AU12"]
    columns = []
    for name in SIDED_AU_NAMES:
        moved = own[name] + change.get(name.rstrip("LR"), np.zeros(len(times)))
        columns.append(np.clip(moved, 0.0, 1.0))
    columns += [own[name] + change[name] for name in POSE]
    return Track.dense(times, (*SIDED_AU_NAMES, *POSE), np.stack(columns, axis=1))


def _changes(times: np.ndarray, emotions: Sequence[int] | np.ndarray) -> tuple[tuple[float, str], ...]:
    new = [i for i in range(len(emotions)) if i == 0 or emotions[i] != emotions[i - 1]]
    return tuple((float(times[i]), EMOTIONS[emotions[i]]) for i in new)


def mixture_log_density(change: np.ndarray, out: Outputs) -> float:
    """log p of a whitened change (SIZE,)."""
    z = (change - out.means) / out.sigmas
    each = out.weights - 0.5 * (z**2).sum(axis=1) - np.log(out.sigmas).sum(axis=1) - 0.5 * SIZE * np.log(2 * np.pi)
    return float(np.logaddexp.reduce(each))


def speed(size: np.ndarray) -> np.ndarray:
    """Sizes of whitened changes -> about [-2, 1]: their logarithm, tame near 0."""
    return np.log(0.1 + size)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.logaddexp.reduce(x)
