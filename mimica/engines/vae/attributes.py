"""Attribute arithmetic in the latent space: vectors that are added to z.

plain          mean latent of the positives minus that of the negatives (R. de S. Toledo 2021, after A. B. L. Larsen et al.,
               "Autoencoding beyond pixels", 2016); 10,000 of each in the slides, as many as there are here
decorrelated   only what the attribute explains beyond all others: least squares of z on all attributes at once. It cures the
               slides' fault that blond hair comes with glasses where the two go together in the data
units          what the Action Units add: least squares of the change of z on the change of the units within each photo, each step
               then lengthened until the decoded change is as large as the pixels' own (the encoder sees fine things weakly)

Dose 1 of an attribute is the difference between a typical positive and a typical negative. No torch here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mimica.engines.vae.codec import COMPONENTS, Codec, Vectors, load_engine_file, save_engine_file
from mimica.engines.vae.data import VaeData, open_all, spread
from mimica.engines.vae.encoded import Encoded, encoded
from mimica.engines.vae.pair_source import drawn_pairs
from mimica.errors import DataError, ValueRangeError, nearest
from mimica.facs import EMOTIONS, SIDED_AU_NAMES

NEAR_SYNONYMS = frozenset({"happy", "hair", *EMOTIONS, *SIDED_AU_NAMES})
"""Attributes that are not fitted unless asked for: others say the same (`happy` is `smile` as rated; emotions and units have
their own way in), and of two that say the same neither explains anything beyond the other; `hair` is drawn in any colour."""
LOW, HIGH = 0.4, 0.6
"""Negatives lie below, positives above these shares of the way from an attribute's 2nd to its 98th percentile."""
RIDGE = 0.02
"""Added to the variances of standardised attributes (and, as a share of the mean, of units): few data, stable answers."""
FRAME_WEIGHT = 0.1
"""What a re-animated frame counts against a photo: a person with a beard is one person with a beard, not fourteen."""
GAINS, GAIN_PHOTOS = (0.7, 3.0), 60
"""Between what limits an Action Unit's step may be lengthened, and by how many photos the length is found."""
LEAST = 20
"""Positives and negatives that there must be."""


def sides(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) values with NaN where not known -> the positives and the negatives, bool (N,) each."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros(len(values), bool), np.zeros(len(values), bool)
    low, high = np.percentile(known, (2, 98))
    if high <= low:  # a rare attribute
        low, high = known.min(), known.max()
    filled = np.nan_to_num(values, nan=(low + high) / 2)
    positive, negative = filled > low + HIGH * (high - low), filled < low + LOW * (high - low)
    return positive, negative


def mean_difference(latents: np.ndarray, values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(N, Z) latents, (N,) values -> (Z,), (weighted) mean of the positives minus that of the negatives."""
    positive, negative = sides(values)
    w = np.ones(len(values)) if weights is None else weights
    step: np.ndarray = w[positive] @ latents[positive] / w[positive].sum() - w[negative] @ latents[negative] / w[negative].sum()
    return step


def decorrelated(latents: np.ndarray, values: np.ndarray, ridge: float = RIDGE, weights: np.ndarray | None = None) -> np.ndarray:
    """(N, Z) latents and (N, A) values, NaN where not known -> (A, Z): z = b + sum over a of value_a step_a in (weighted) least
    squares, each step times the difference of its attribute between positives and negatives.

    Covariances are taken over the rows in which both values are known (pairwise), of standardised values."""
    w = np.ones(len(values)) if weights is None else weights
    known = np.isfinite(values) * w[:, None]
    filled = np.nan_to_num(values)
    mean = (known * filled).sum(0) / known.sum(0)
    std = np.sqrt((known * (filled - mean) ** 2).sum(0) / known.sum(0)) + 1e-9
    x = np.where(known > 0, (filled - mean) / std, 0.0)
    together = np.isfinite(values).astype(np.float64)
    covariance = ((x * w[:, None]).T @ x) / np.maximum((together * w[:, None]).T @ together, 1e-9)
    centres = known.T @ latents / known.sum(0)[:, None]
    with_latents = ((x * w[:, None]).T @ latents - (x * known).sum(0)[:, None] * centres) / known.sum(0)[:, None]
    steps = np.linalg.solve(covariance + ridge * np.eye(len(covariance)), with_latents)
    spans = []
    for column in values.T:
        positive, negative = sides(column)
        spans.append(np.average(column[positive], weights=w[positive]) - np.average(column[negative], weights=w[negative]))
    return steps / std[:, None] * np.array(spans)[:, None]


def unit_steps(latents: np.ndarray, units: np.ndarray, photos: Sequence[str], ridge: float = RIDGE) -> np.ndarray:
    """(N, Z) latents, (N, 34) sided Action Units, the photo of each -> (34, Z): least squares within photos, so that who it is
    takes no part. A photo with one frame tells nothing. The right side counts as the left side mirrored where both move alike."""
    groups: dict[str, list[int]] = {}
    for row, photo in enumerate(photos):
        groups.setdefault(photo, []).append(row)
    several = [rows for rows in groups.values() if len(rows) > 1]
    if not several:
        raise DataError("No photo is there with more than one expression: the Action Units cannot be fitted.")
    u = np.concatenate([units[rows] - units[rows].mean(0) for rows in several]).astype(np.float64)
    z = np.concatenate([latents[rows] - latents[rows].mean(0) for rows in several]).astype(np.float64)
    gram = u.T @ u / len(u)
    steps: np.ndarray = np.linalg.solve(gram + ridge * np.trace(gram) / len(gram) * np.eye(len(gram)), u.T @ z / len(u))
    return steps.astype(np.float32)


def cosines(vectors: np.ndarray) -> np.ndarray:
    """(A, Z) -> (A, A) cosines between them."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    products: np.ndarray = unit @ unit.T
    return products


def fittable(data: VaeData, rows: np.ndarray) -> tuple[str, ...]:
    """Attributes with enough positives and negatives that say what no other says."""
    found = []
    for name in data.attributes:
        positive, negative = sides(data.values_of(name)[rows])
        if name not in NEAR_SYNONYMS and min(positive.sum(), negative.sum()) >= LEAST:
            found.append(name)
    return tuple(found)


def fit_file(
    data: Path | Sequence[Path],
    output: Path,
    weights: Path,
    names: Sequence[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Vectors:
    """Fits vectors on the training people of prepared folders, and writes them to `output` with the networks of the engine
    file `weights`. `progress` is called with (faces encoded, in all). Raises as `fit`, and `WeightsError`."""
    file, before = load_engine_file(weights)
    faces = open_all([data] if isinstance(data, Path) else data)
    rows, done = faces.rows(validation=False), 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(done, len(rows))

    known = encoded(Codec(file), faces, rows, count)
    drawn = Counter(before.switches[p.switch] for p in drawn_pairs(faces, before.switches, validation=False) if p.switch >= 0)
    vectors = with_trained(fit(known, names), before, drawn)
    if vectors.switches:
        from mimica.engines.vae.translate import with_translator  # needs torch

        file = with_translator(file, known, vectors)
    save_engine_file(output, file, vectors)
    return vectors


def with_trained(fitted: Vectors, before: Vectors, drawn: Mapping[str, int] = MappingProxyType({})) -> Vectors:
    """Vectors as fitted, but what was trained with the decoders stays: switches, which keep their mean difference where labels
    gave one, and Action Units. A file without switches has neither. `drawn` are the numbers of pairs of
    switches without labels."""
    if not before.switches:
        return replace(fitted, basis=None)
    names = (*fitted.attributes, *(name for name in before.switches if name not in fitted.attributes))
    counts = dict(zip(fitted.attributes, fitted.counts, strict=True))
    counts = {name: (drawn.get(name, 0),) * 2 for name in before.switches} | counts
    plain = [fitted.of(name, True) if name in fitted.attributes else before.of(name) for name in names]
    alone = [before.of(name) if name in before.switches else fitted.of(name) for name in names]
    return Vectors(
        names, tuple(counts[name] for name in names), np.stack(plain), np.stack(alone), before.units,
        fitted.latent_mean, fitted.latent_std, before.switches, fitted.basis,
    )  # fmt: skip


def principal_steps(latents: np.ndarray, count: int = COMPONENTS) -> np.ndarray:
    """(N, Z) latents -> (K, Z): their principal components times their deviations, `count` of them at most."""
    centred = (latents - latents.mean(0)).astype(np.float64)
    values, vectors = np.linalg.eigh(centred @ centred.T / len(centred))
    top = [i for i in np.argsort(values)[::-1][:count] if values[i] > 1e-9]
    steps: np.ndarray = vectors[:, top].T @ centred / len(centred) ** 0.5
    return steps.astype(np.float32)


_TURNING = ("turned",)
"""Attributes of which a mirror makes the opposite."""


def fit(faces: Encoded, names: Sequence[str] | None = None) -> Vectors:
    """All vectors from encoded training faces; each face counts plain and mirrored. Raises `DataError` where there are too few
    faces, `ValueRangeError` for a name that the data set does not have."""
    data, rows = faces.data, faces.rows
    chosen = tuple(names) if names else fittable(data, rows)
    for name in chosen:
        if name not in data.attributes:
            raise ValueRangeError(f"There is no attribute '{name}'{nearest(name, data.attributes) or '.'}")
    if not chosen:
        raise DataError(f"The data set '{data.title}' has no attribute with {LEAST} positives and {LEAST} negatives.")
    values = np.stack([data.values_of(name)[rows] for name in chosen], 1).astype(np.float64)
    opposite = np.stack([1 - v if name in _TURNING else v for name, v in zip(chosen, values.T, strict=True)], 1)
    latents, both = np.concatenate([faces.latents, faces.mirrored]), np.concatenate([values, opposite])
    is_photo = np.array([data.names[row] == data.photos[row] for row in rows])
    weights = np.tile(np.where(is_photo, 1.0, FRAME_WEIGHT), 2)
    plain = np.stack([mean_difference(latents, both[:, a], weights) for a in range(len(chosen))])
    counts = []
    for name, column in zip(chosen, values.T, strict=True):
        positive, negative = (int(side.sum()) for side in sides(column))
        counts.append((positive, negative))
        if min(positive, negative) < 1:
            raise DataError(f"The data set '{data.title}' has {positive} positives and {negative} negatives of '{name}'.")
    alone = decorrelated(latents, both, weights=weights)
    return Vectors(
        chosen, tuple(counts), plain.astype(np.float32), alone.astype(np.float32), _units(faces, latents),
        latents.mean(0), latents.std(0), basis=principal_steps(faces.latents[is_photo]),
    )  # fmt: skip


def _units(faces: Encoded, latents: np.ndarray) -> np.ndarray:
    """The Action Units' steps; zeros where the data set has no units."""
    if not set(SIDED_AU_NAMES) <= set(faces.data.attributes):
        return np.zeros((len(SIDED_AU_NAMES), latents.shape[1]), np.float32)
    left = np.stack([faces.data.values_of(name)[faces.rows] for name in SIDED_AU_NAMES], 1)
    right = np.roll(left, len(SIDED_AU_NAMES) // 2, axis=1)
    photos = [faces.data.photos[r] for r in faces.rows]
    known = np.isfinite(left).all(1)
    both = np.concatenate([known, known])
    names = [name for name, k in zip([*photos, *(photo + " mirrored" for photo in photos)], both, strict=True) if k]
    steps = unit_steps(latents[both], np.concatenate([left, right])[both], names)
    gains = unit_gains(faces, steps, left)
    return (steps * gains[:, None]).astype(np.float32)


def unit_gains(faces: Encoded, steps: np.ndarray, units: np.ndarray, ridge: float = 0.05) -> np.ndarray:
    """(34,) factors for the `steps` (34, Z), the same on both sides: least squares of how a photo's frames differ from it in
    pixels on what the decoder makes of the steps, drawn towards 1. `units` (N, 34) are those of the rows of `faces`."""
    half = len(steps) // 2
    photos: dict[str, list[int]] = {}
    for place, row in enumerate(faces.rows):
        if np.isfinite(units[place]).all():
            photos.setdefault(faces.data.photos[row], []).append(place)
    several = [places for places in photos.values() if len(places) > 1]
    gram, seen = np.zeros((half, half)), np.zeros(half)
    for places in (several[i] for i in spread(np.arange(len(several)), GAIN_PHOTOS)):
        first = faces.latents[places[0]]
        moved = np.concatenate([first[None], first + steps[:half] + steps[half:]])
        pictures = faces.codec.decode(moved)[0].reshape(half + 1, -1).astype(np.float64)
        effects = pictures[1:] - pictures[0]
        shown = np.asarray(faces.data.images[faces.rows[places]]).reshape(len(places), -1).astype(np.float64)
        change = (units[places[1:]] - units[places[0]]).reshape(-1, 2, half).mean(1)
        gram += (change.T @ change) * (effects @ effects.T)
        seen += (change * ((shown[1:] - shown[0]) @ effects.T)).sum(0)
    strength = ridge * np.trace(gram) / half + 1e-9
    gains = np.linalg.solve(gram + strength * np.eye(half), seen + strength)
    return np.tile(np.clip(gains, *GAINS), 2)
