"""`mimica evaluate predictor`: how well is the next step foretold? Beside two simpler predictors, on clips none has seen.

All give the log-likelihood, in nats a step, of the next emotion and of the next whitened change of Action Units and pose;
the whitening is the same for all, and no Gaussian is narrower than `SIGMA_FLOOR`, so the figures can be compared.

    persistence   the emotion stays, with the share of steps at which it does, or goes to any other; the change is drawn from
                  one mixture of Gaussians, whatever was before
    Markov        the emotion by a table of transitions; the state by a linear map of the state before (ridge), and a mixture of
                  Gaussians for what is left
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimica.config import make
from mimica.facs import EMOTIONS
from mimica.model_files.checkpoint import module_tensors
from mimica.motion.predictor.clips import FOLDS, Clip, load_clips
from mimica.motion.predictor.predict import Predictor
from mimica.motion.predictor.train import PRESETS, PredictorOptions, PredictorTask, fit_mixture, log_transitions
from mimica.training.loop import Trainer

_COMPONENTS = 6
_RIDGE = 1.0


class Persistence:
    """Things stay as they are, but for a change that does not depend on anything."""

    def __init__(self, clips: Sequence[Clip], whiten: np.ndarray, components: int = _COMPONENTS) -> None:
        self.whiten = whiten
        stays = np.concatenate([clip.emotions[1:] == clip.emotions[:-1] for clip in clips])
        stay = (stays.sum() + 1) / (len(stays) + 2)
        others = (1 - stay) / (len(EMOTIONS) - 1)
        self.table = np.log(np.where(np.eye(len(EMOTIONS)) > 0, stay, others))
        self.mixture = fit_mixture(np.concatenate([self._left(clip) for clip in clips]), components)

    def _left(self, clip: Clip) -> np.ndarray:
        """(T - 1, SIZE): what is left of the whitened changes."""
        return np.diff(clip.states, axis=0) @ self.whiten.T

    def log_likelihoods(self, clip: Clip) -> np.ndarray:
        """(T - 1, 2): emotion, motion."""
        emotion = self.table[clip.emotions[:-1], clip.emotions[1:]]
        return np.stack([emotion, self.mixture.score_samples(self._left(clip))], axis=1)


class Markov(Persistence):
    """The next step depends on the present one alone."""

    def __init__(self, clips: Sequence[Clip], whiten: np.ndarray, components: int = _COMPONENTS) -> None:
        states = np.concatenate([clip.states[:-1] for clip in clips])
        changes = np.concatenate([np.diff(clip.states, axis=0) for clip in clips]) @ whiten.T
        self.mean, self.scale = states.mean(axis=0), states.std(axis=0) + 1e-3
        x = np.column_stack([(states - self.mean) / self.scale, np.ones(len(states))])
        self.map = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ changes)
        super().__init__(clips, whiten, components)
        self.table = log_transitions(clips)

    def _left(self, clip: Clip) -> np.ndarray:
        x = np.column_stack([(clip.states[:-1] - self.mean) / self.scale, np.ones(len(clip.states) - 1)])
        return super()._left(clip) - x @ self.map


@dataclass(frozen=True)
class Row:
    """Mean log-likelihoods of a model in nats a step, and the standard error over clips of its gain on persistence."""

    model: str
    emotion: float
    motion: float
    gain: float
    gain_error: float

    @property
    def together(self) -> float:
        return self.emotion + self.motion


def compare(models: Sequence[tuple[Predictor, Sequence[Clip], Sequence[Clip]]]) -> list[Row]:
    """For each fold: the predictor, the clips it learned from and those it did not -> a row a model, over all steps of the
    clips not seen."""
    kinds = {
        "persistence, one Gaussian": lambda p, clips: Persistence(clips, p.t["whiten"], 1).log_likelihoods,
        "persistence": lambda p, clips: Persistence(clips, p.t["whiten"]).log_likelihoods,
        "Markov, one Gaussian": lambda p, clips: Markov(clips, p.t["whiten"], 1).log_likelihoods,
        "Markov": lambda p, clips: Markov(clips, p.t["whiten"]).log_likelihoods,
        "LSTM": lambda p, clips: lambda clip: p.log_likelihoods(clip.states, clip.emotions),
    }
    scores: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    for predictor, seen, unseen in models:
        for name, make_model in kinds.items():
            likelihoods: Callable[[Clip], np.ndarray] = make_model(predictor, seen)
            scores[name] += [likelihoods(clip) for clip in unseen]
    return [_row(name, rows, scores["persistence"]) for name, rows in scores.items()]


def _row(name: str, rows: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> Row:
    emotion, motion = np.concatenate(rows).mean(axis=0)
    gains = np.array([row.sum() - other.sum() for row, other in zip(rows, reference, strict=True)])
    steps = sum(len(row) for row in rows)
    error = float(np.sqrt(len(gains)) * gains.std(ddof=1) / steps) if len(gains) > 1 else float("nan")
    return Row(name, float(emotion), float(motion), float(gains.sum()) / steps, error)


def evaluate_weights(sources: Sequence[Path], predictor: Predictor, held_out: int = 0) -> list[Row]:
    """The table for weights as they are, on the fold that they have not seen."""
    clips = load_clips(sources)
    seen, unseen = _split(clips, held_out)
    return compare([(predictor, seen, unseen)])


def cross_validate(
    sources: Sequence[Path], overrides: dict[str, object] | None = None, say: Callable[[str], None] = print
) -> list[Row]:
    """Trains FOLDS predictors, each without one fold of the clips, and sums up over all clips. Takes minutes."""
    clips, models = load_clips(sources), []
    for fold in range(FOLDS):
        seen, unseen = _split(clips, fold)
        if not seen or not unseen:
            continue
        options = make(PredictorOptions, {**PRESETS["default"], **(overrides or {}), "held_out": fold})
        with tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(PredictorTask(options, list(sources)), Path(folder) / "run", say=lambda _line: None)
            trainer.run()
        models.append((Predictor.from_tensors(module_tensors(trainer.best("predictor"))), seen, unseen))
        say(f"fold {fold}: {len(seen)} clips to learn from, {len(unseen)} held out")
    return compare(models)


def _split(clips: Sequence[Clip], fold: int) -> tuple[list[Clip], list[Clip]]:
    return [clip for clip in clips if clip.fold != fold], [clip for clip in clips if clip.fold == fold]
