"""`mimica directions fit`: directions from codes and what their faces show, by logistic regression (default) or a linear SVM.

L. Zhang, C. Pollett (2021) train for each emotion a logistic model p(x) = 1 / (1 + exp(-beta . x)) on pairs (latent code,
expression) and found an SVM slower; `mimica directions fit --compare` repeats that comparison. Positive examples are the share of
the codes whose column is highest, negative ones the share where it is lowest, as InterFaceGAN (Y. Shen et al. 2020) takes them;
with `label:happiness` those who were asked to show happiness against all others.

Both classes weigh the same. Accuracy is cross-validated with whole people held out, balanced over both classes: 0.5 is chance. A
linear SVM on codes that were projected into W+ often stays near it: fit on sampled codes, or on projected ones with each person
compared with him- or herself (`mimica.engines.stylegan.latents.within_people`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mimica.engines.stylegan.directions import (
    Direction,
    default_layers,
    load_directions,
    orthogonal_to,
    parse_layers,
    save_directions,
)
from mimica.engines.stylegan.latents import LatentSet, labelled, open_latents, parse_column, within_people
from mimica.errors import DataError, ValueRangeError, nearest
from mimica.metrics import balanced_accuracy

Learner = Literal["logistic", "svm"]
LEARNERS: tuple[Learner, ...] = ("logistic", "svm")
SHARE = 0.2
"""Share of the codes, at either end of a column, that serve as examples."""
FOLDS = 5
STRENGTH = 0.1
"""Inverse of the L2 penalty's weight (scikit-learn's C), for features scaled to an overall variance of 1."""
IDENTITY_COMPONENTS = 20
MIN_EXAMPLES = 20
"""Of each class."""
DEFAULT_COLUMNS = (
    "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt", "smile=12", "brows_up=2", "frown=4",
    "wide_eyes=5", "open_mouth=25", "jaw_drop=26",
)  # fmt: skip
"""NAME=COLUMN, or the column alone: what `mimica directions fit` fits unless it is told."""
NAMES = {"yaw": "turn", "pitch": "nod", "roll": "tilt", "gaze_x": "look_across", "gaze_y": "look_down"}
"""What directions of pose and gaze are called, so that a dose is not mistaken for degrees."""


@dataclass(frozen=True)
class Fitted:
    """A classifier: w . normal + intercept > 0 is positive; `normal` float64 (D,) has norm 1. `accuracy` is the mean over the
    folds, `deviation` their standard deviation; `seconds` is the time of one fit on all examples."""

    normal: np.ndarray
    intercept: float
    accuracy: float
    deviation: float
    seconds: float
    positives: int
    negatives: int


def classes(values: np.ndarray, share: float = SHARE) -> np.ndarray:
    """(N,) values -> (N,) 1 for the highest `share` of the known ones, 0 for the lowest, NaN for what lies between or is not
    known. Values that are 0 or 1 only are classes already. Raises `DataError` where nothing varies."""
    known = np.isfinite(values)
    if set(np.unique(values[known]).tolist()) <= {0.0, 1.0}:
        chosen = np.where(known, values, np.nan)
    else:
        low, high = np.quantile(values[known], [share, 1 - share])
        chosen = np.full(len(values), np.nan)
        if high > low:
            chosen[known & (values <= low)] = 0.0
            chosen[known & (values >= high)] = 1.0
    counts = [int((chosen == side).sum()) for side in (0, 1)]
    if min(counts) < MIN_EXAMPLES:
        raise DataError(
            f"There are {counts[1]} positive and {counts[0]} negative examples; {MIN_EXAMPLES} of each are "
            "needed: prepare more latents."
        )
    return np.asarray(chosen)


def _model(learner: Learner, strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if learner == "logistic":
        return LogisticRegression(C=strength, max_iter=2000, class_weight="balanced")
    return LinearSVC(C=strength, dual="auto", max_iter=20000, class_weight="balanced")


def fit(
    features: np.ndarray,
    positive: np.ndarray,
    people: Sequence[str],
    *,
    learner: Learner = "logistic",
    folds: int = FOLDS,
    strength: float = STRENGTH,
) -> Fitted:
    """Fit one boundary: `features` (N, D), `positive` (N,) of 0 and 1, `people` (N,) whose codes stay in one fold."""
    from sklearn.model_selection import StratifiedGroupKFold

    middle, scale = features.mean(axis=0), float(features.std()) or 1.0
    scaled, truth = (features - middle) / scale, np.asarray(positive).astype(int)
    accuracies = []
    splits = min(folds, len(set(people)))
    for train, test in StratifiedGroupKFold(splits, shuffle=True, random_state=0).split(scaled, truth, list(people)):
        if len(set(truth[train])) == len(set(truth[test])) == 2:
            guessed = _model(learner, strength).fit(scaled[train], truth[train]).predict(scaled[test])
            accuracies.append(balanced_accuracy(guessed, truth[test]))
    if not accuracies:
        raise DataError("The examples of one class are all of the same person: people cannot be held out; prepare more latents.")
    start = time.perf_counter()
    model = _model(learner, strength).fit(scaled, truth)
    seconds = time.perf_counter() - start
    coefficients = np.asarray(model.coef_[0], np.float64)
    length = float(np.linalg.norm(coefficients))
    normal = coefficients / length
    intercept = float(model.intercept_[0]) * scale / length - float(normal @ middle)
    counts = int(truth.sum()), int(len(truth) - truth.sum())
    return Fitted(normal, intercept, float(np.mean(accuracies)), float(np.std(accuracies)), seconds, *counts)


def features_of(latents: LatentSet, layers: Sequence[int]) -> np.ndarray:
    """float64 (N, D): what a classifier sees of the codes: the one w, or the rows of the mask side by side."""
    if latents.space == "w":
        return np.asarray(latents.codes[:, 0], np.float64)
    return np.asarray(latents.codes[:, list(layers)], np.float64).reshape(len(latents), -1)


def examples(latents: LatentSet, column: str, share: float = SHARE) -> np.ndarray:
    """(N,) 1, 0 or NaN: the examples for a column or for `label:EMOTION`."""
    values = labelled(latents, column.removeprefix("label:")) if column.startswith("label:") else latents.column(column)
    return classes(values, share)


def identity_basis(latents: LatentSet, layers: Sequence[int], components: int = IDENTITY_COMPONENTS) -> list[np.ndarray]:
    """The principal directions of the people's mean codes: what tells them apart. Raises `DataError` for a set in which nobody
    is shown at least twice."""
    numbers = np.unique(np.array(latents.subjects), return_inverse=True)[1]
    counts = np.bincount(numbers)
    if counts.max() < 2 or len(counts) < 3:
        raise DataError(
            "--keep identity needs a set that shows the same people several times; sampled faces are each another person."
        )
    features = features_of(latents, layers)
    means = np.stack([features[numbers == i].mean(axis=0) for i in range(len(counts))])
    _, sizes, rows = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    count = min(components, len(rows) // 2, int((sizes > 1e-6 * sizes[0]).sum()))
    return list(rows[: max(1, count)])


def fit_direction(
    latents: LatentSet,
    column: str,
    layers: Sequence[int],
    *,
    name: str | None = None,
    learner: Learner = "logistic",
    keep: Sequence[str] = (),
    share: float = SHARE,
    folds: int = FOLDS,
    strength: float = STRENGTH,
) -> tuple[Direction, Fitted]:
    """The direction of a `column` under the mask `layers`, and the classifier behind it.

    keep   columns whose directions it is made orthogonal to, or `identity`. The accuracy stays that of the classifier before
    Raises `DataError` for too few examples and `ValueRangeError` for a column that there is not."""
    fitted = _fit_column(latents, column, layers, learner, share, folds, strength)
    others: list[np.ndarray] = []
    for one in keep:
        if one == column:
            raise ValueRangeError(f"The direction of '{column}' cannot keep '{one}' as it is: leave that out of --keep.")
        if one == "identity":
            others += identity_basis(latents, layers)
        else:
            others.append(_fit_column(latents, one, layers, learner, share, folds, strength).normal)
    normal = orthogonal_to(fitted.normal, others)
    along = features_of(latents, layers) @ normal
    spread = float(along.std())
    shaped = normal[None] if latents.space == "w" else _placed(normal, layers, latents)
    direction = Direction(
        name=name or NAMES.get(column, column.removeprefix("label:")),
        column=column,
        vector=shaped.astype(np.float32),
        spread=spread,
        intercept=fitted.intercept,
        layers=tuple(layers),
        num_ws=latents.num_ws,
        generator=latents.generator,
        per_dose=_slope(latents, column, along / spread),
        accuracy=fitted.accuracy,
        learner=learner,
    )
    return direction, fitted


def _fit_column(
    latents: LatentSet, column: str, layers: Sequence[int], learner: Learner, share: float, folds: int, strength: float
) -> Fitted:
    chosen = examples(latents, column, share)
    rows = np.flatnonzero(np.isfinite(chosen))
    people = [latents.subjects[i] for i in rows]
    features = features_of(latents.subset(rows), layers)
    return fit(features, chosen[rows], people, learner=learner, folds=folds, strength=strength)


def _placed(normal: np.ndarray, layers: Sequence[int], latents: LatentSet) -> np.ndarray:
    vector = np.zeros((latents.num_ws, latents.w_size))
    vector[list(layers)] = normal.reshape(len(layers), latents.w_size)
    return vector


def _slope(latents: LatentSet, column: str, doses: np.ndarray) -> float:
    """How much the column rises a dose, over the codes as they are (least squares)."""
    if column.startswith("label:"):
        return 0.0
    values = latents.column(column)
    known = np.isfinite(values)
    return float(np.polyfit(doses[known], values[known], 1)[0])


# --- a file of directions -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fits:
    """What `fit_file` did: the set's title, the mask, and each direction with its classifier, as they were fitted (with
    `compare`, of both learners)."""

    title: str
    layers: tuple[int, ...]
    rows: list[tuple[Direction, Fitted]]


def fit_file(
    data: Path,
    output: Path,
    *,
    column: Sequence[str] | None = None,
    learner: str = "logistic",
    compare: bool = False,
    layers: str | None = None,
    keep: str | None = None,
    within: bool = False,
    one_w: bool = False,
    add: bool = False,
    share: float = SHARE,
    folds: int = FOLDS,
    strength: float = STRENGTH,
) -> Fits:
    """Fit directions on a latent data set and write them.

    column   `NAME=COLUMN` or the column alone, of each direction; None: `DEFAULT_COLUMNS`
    learner  whose directions are written; with `compare` both are fitted
    layers   as `parse_layers` reads them; None: the paper's
    keep     columns, or `identity`, separated by commas: directions that the new ones leave alone
    within   compare each person with him- or herself
    one_w    learn from the mean of each code's rows, one vector for all layers of the mask: W+ has fourteen or eighteen
             times as many numbers
    add      keep what the file holds already; same names are replaced

    Raises `DataError`, `ValueRangeError`."""
    wanted = _learner(learner)
    latents = open_latents(data).averaged() if one_w else open_latents(data)
    latents = within_people(latents) if within else latents
    mask = parse_layers(layers, latents.num_ws) if layers else default_layers(latents.num_ws)
    kept, rows = _columns(keep or ""), []
    for asked in column or DEFAULT_COLUMNS:
        name, _, text = asked.rpartition("=")
        source = parse_column(text)
        others = [other for other in kept if other != source]
        fit_one = partial(fit_direction, latents, source, mask, name=name or None, keep=others, share=share)
        rows += [fit_one(learner=one, folds=folds, strength=strength) for one in (LEARNERS if compare else (wanted,))]
    fitted = {direction.name: direction for direction, _ in rows if direction.learner == wanted}
    earlier = load_directions(output, latents.num_ws) if add and output.is_file() else {}
    about = {"data": latents.title, "within": within, "kept": kept, **latents.notes}
    save_directions(output, list({**earlier, **fitted}.values()), about)
    return Fits(latents.title, mask, rows)


def _columns(text: str) -> list[str]:
    """`"yaw, identity"` -> its parts."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return ["identity" if part == "identity" else parse_column(part) for part in parts]


def _learner(name: str) -> Learner:
    for one in LEARNERS:
        if one == name:
            return one
    raise ValueRangeError(f"--learner is '{name}'{nearest(name, LEARNERS) or ';'} it is one of {', '.join(LEARNERS)}.")
