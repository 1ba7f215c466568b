"""`mimica evaluate generator`: what samples of a generator are worth, beside photographs and beside simpler pictures.

frechet     robust Frechet distance from the training photos: features of Inception v3, standardised over them and arcsinh of
            that, their 48 principal components; mean over draws of `DRAWN` pictures, so that all sets are measured alike
kid         kernel distance, x 1000, of the same features before the components are taken, of all pictures of the set
sharpness   median variance of the Laplacian over that of the training photos
faces       share of pictures in which detector and reader find a face
nearest     median distance to the nearest training photo (mirrored ones too) at 32 pixels, over that of held-out photos to
            theirs; near 0 are copies

Of the training photos every second one is what all are measured against, the others are a set themselves. The network is one
that no critic saw. Walks from seed to seed: `straight`, the distance of the ends' features over the length of the way (1 is
straight), and `even`, the mean over the largest step (1 is even), in w and in z.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor

from mimica.engines.stylegan.cascade.networks import CascadeSynthesis
from mimica.engines.stylegan.model import Model, seed_w, seed_z
from mimica.errors import DataError, NoFaceError
from mimica.evaluate.restoring import energy
from mimica.metrics import frechet_distance, kernel_distance
from mimica.pictures.pixels import as_input, as_pictures
from mimica.reader.read import Reader, find_faces

COMPONENTS, DRAWN, DRAWS = 48, 88, 20
LEAST = 2 * DRAWN
"""Training photos that a measurement needs."""
_BATCH = 8
_NEAR = 32
"""Side of the pictures in which the nearest photo is looked for."""
WALKS, STEPS = 8, 16
Features = Callable[[Tensor], Tensor]
"""(B, 3, S, S) in [-1, 1] -> (B, D)."""


class Space:
    """Features made robust by those of the photos that all are measured against, `reference` (N, D)."""

    def __init__(self, reference: np.ndarray) -> None:
        self._mean, self._deviation = reference.mean(0), reference.std(0) + 1e-4
        levels = self.levels(reference)
        self._centre = levels.mean(0)
        _, _, vectors = np.linalg.svd(levels - self._centre, full_matrices=False)
        self._vectors = vectors[:COMPONENTS].T
        self.reference, self.reference_levels = self.components(levels), levels

    def levels(self, features: np.ndarray) -> np.ndarray:
        """arcsinh of standardised features, (N, D)."""
        return np.asarray(np.arcsinh((features - self._mean) / self._deviation))

    def components(self, levels: np.ndarray) -> np.ndarray:
        return np.asarray((levels - self._centre) @ self._vectors)


@dataclass
class Group:
    """A set of pictures, as far as it is measured: a row of features, an energy and a small picture for each."""

    features: list[np.ndarray] = field(default_factory=list)
    energies: list[float] = field(default_factory=list)
    small: list[np.ndarray] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)

    def stacked(self) -> np.ndarray:
        return np.concatenate(self.features)


@dataclass
class Report:
    """`rows`: set -> figures; `walks`: figures; `counts`: pictures of each set; `neighbours`: rows of training photos, two for
    each of the first samples, the nearest by features and by pixels."""

    rows: dict[str, dict[str, float]]
    walks: dict[str, float]
    counts: dict[str, int]
    neighbours: list[tuple[int, int]]


class Measured:
    """Looks at pictures, set by set."""

    def __init__(
        self, features: Features, reader: Reader | None = None, progress: Callable[[int], None] = lambda n: None
    ) -> None:
        self._features, self._progress = features, progress
        self._reader = reader or Reader(threads=1)

    def group(self, pictures: Iterator[np.ndarray], faces: bool = True) -> Group:
        """Pictures uint8 (S, S, 3), as they come."""
        group, waiting = Group(), []
        for picture in pictures:
            waiting.append(picture)
            group.energies.append(energy(picture))
            group.small.append(small(picture))
            if faces:
                group.found.append(self._finds(picture))
            if len(waiting) == _BATCH:
                group.features.append(self.features(waiting))
                waiting = []
            self._progress(1)
        if waiting:
            group.features.append(self.features(waiting))
        return group

    def features(self, pictures: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        return np.asarray(self._features(as_input(torch.from_numpy(np.stack(list(pictures))))).numpy())

    def _finds(self, picture: np.ndarray) -> bool:
        try:
            return bool(find_faces(np.ascontiguousarray(picture), reader=self._reader))
        except NoFaceError:
            return False


def small(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (_NEAR, _NEAR), interpolation=cv2.INTER_AREA).astype(np.float32)


# --- what is looked at ----------------------------------------------------------------------------------------------


@torch.no_grad()
def samples(model: Model, seeds: Sequence[int], truncation: float, size: int) -> Iterator[np.ndarray]:
    """uint8 (size, size, 3) of each seed; enlarged by cubic interpolation where the generator draws smaller ones."""
    for start in range(0, len(seeds), _BATCH):
        made = model.generator.synthesis(seed_w(model, seeds[start : start + _BATCH], truncation))
        for picture in as_pictures(made):
            yield picture if len(picture) == size else cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)


@torch.no_grad()
def through_top(model: Model, pictures: np.ndarray) -> Iterator[np.ndarray]:
    """True faces, uint8 (N, S, S, 3), shrunk to the side that enters the top of an embedded generator, and enlarged by it."""
    synthesis = model.generator.synthesis
    assert isinstance(synthesis, CascadeSynthesis)
    factor = synthesis.size // (4 << synthesis.entry)
    for start in range(0, len(pictures), _BATCH):
        given = as_input(torch.from_numpy(pictures[start : start + _BATCH]))
        yield from as_pictures(synthesis.enlarged(torch.nn.functional.avg_pool2d(given, factor)))


def cubic(pictures: np.ndarray, side: int = 64) -> Iterator[np.ndarray]:
    """The same by cubic interpolation alone."""
    for picture in pictures:
        little = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        yield cv2.resize(little, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)


# --- figures --------------------------------------------------------------------------------------------------------


def evaluate(
    model: Model,
    training: np.ndarray,
    held_out: np.ndarray,
    features: Features,
    *,
    count: int = 2000,
    truncation: float = 0.7,
    seed: int = 0,
    others: Mapping[str, Model] | None = None,
    reader: Reader | None = None,
    progress: Callable[[int], None] = lambda n: None,
) -> Report:
    """`training` and `held_out` are photos, uint8 (N, S, S, 3), S the generator's side; `count` samples are drawn from the seed
    `seed` + 1 on; `others` are generators to be compared. Raises `DataError` for too few photos."""
    if len(training) < LEAST or len(held_out) < 2:
        raise DataError(f"There are {len(training)} training photos and {len(held_out)} held out; {LEAST} and 2 are needed.")
    measured = Measured(features, reader, progress)
    seeds, size = range(seed + 1, seed + 1 + count), model.size
    reference, rest = training[::2], training[1::2]
    sets = {"samples": samples(model, seeds, truncation, size), "training photos, the other half": iter(rest)}
    sets["held-out photos"] = iter(held_out)
    if isinstance(model.generator.synthesis, CascadeSynthesis):
        sets["true faces through the top"] = through_top(model, rest)
    sets["true faces of 64 px, cubic"] = cubic(rest)
    for name, other in (others or {}).items():
        sets[name] = samples(other, seeds[: max(DRAWN, count // 4)], truncation, size)
    base = measured.group(iter(reference), faces=False)
    groups = {name: measured.group(pictures) for name, pictures in sets.items()}
    space = Space(base.stacked())
    photos = np.stack(base.small + groups["training photos, the other half"].small)
    usual = np.median(_nearest(groups["held-out photos"].small, photos)[0])
    rows = {}
    for name, group in groups.items():
        rows[name] = _figures(group, space, float(np.median(base.energies)))
        if name != "training photos, the other half":
            rows[name]["nearest"] = float(np.median(_nearest(group.small, photos)[0]) / usual)
    counts = {name: len(group.small) for name, group in groups.items()}
    walks = _walks(model, measured, space, seed, truncation)
    return Report(rows, walks, counts, _neighbours(groups, base, space, photos, len(training)))


def _figures(group: Group, space: Space, usual_energy: float) -> dict[str, float]:
    levels = space.levels(group.stacked())
    components, rng = space.components(levels), np.random.default_rng(0)
    draws = [components[rng.permutation(len(components))[:DRAWN]] for _ in range(DRAWS if len(components) > DRAWN else 1)]
    return {
        "frechet": float(np.mean([frechet_distance(draw, space.reference) for draw in draws]))
        if len(levels) > 1
        else float("nan"),
        "kid": 1000 * kernel_distance(levels, space.reference_levels) if len(levels) > 1 else float("nan"),
        "sharpness": float(np.median(group.energies)) / max(usual_energy, 1e-9),
        "faces": float(np.mean(group.found)),
    }


def _nearest(pictures: Sequence[np.ndarray], photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square distance to, and number of, the nearest photo, mirrored or not, of small pictures."""
    flat = photos.reshape(len(photos), -1)
    mirrored = np.ascontiguousarray(photos[:, :, ::-1]).reshape(len(photos), -1)
    found = []
    for picture in pictures:
        distances = [np.square(each - picture.ravel()).mean(1) for each in (flat, mirrored)]
        both = np.sqrt(np.minimum(*distances))
        found.append((both.min(), both.argmin()))
    distances_, places = zip(*found, strict=True)
    return np.array(distances_), np.array(places)


def _neighbours(
    groups: Mapping[str, Group], base: Group, space: Space, photos: np.ndarray, count: int, shown: int = 16
) -> list[tuple[int, int]]:
    """Numbers among the training photos; the first half of `photos` are the even ones."""
    order = [*range(0, count, 2), *range(1, count, 2)]
    known = np.concatenate([space.reference, space.components(space.levels(groups["training photos, the other half"].stacked()))])
    mine = space.components(space.levels(groups["samples"].stacked()))[:shown]
    by_pixels = _nearest(groups["samples"].small[:shown], photos)[1]
    return [
        (order[int(np.square(known - row).sum(1).argmin())], order[int(place)])
        for row, place in zip(mine, by_pixels, strict=True)
    ]


@torch.no_grad()
def _walks(model: Model, measured: Measured, space: Space, seed: int, truncation: float) -> dict[str, float]:
    """Means over `WALKS` walks of `STEPS` steps."""
    share = torch.linspace(0, 1, STEPS + 1)[:, None]
    z = seed_z(range(seed + 1, seed + 1 + 2 * WALKS), int(model.generator.config["z_size"]))
    mapping = model.generator.mapping
    found: dict[str, list[float]] = {f"{what} in {where}": [] for where in ("w", "z") for what in ("straight", "even")}
    for first, last in zip(z[::2], z[1::2], strict=True):
        ends = mapping.truncate(mapping(torch.stack([first, last])), truncation)
        through_z = mapping.truncate(mapping(torch.lerp(first, last, share)), truncation)
        for where, w in {"w": torch.lerp(ends[:1], ends[1:], share), "z": through_z}.items():
            pictures = [as_pictures(model.generator.synthesis(part)) for part in w.split(_BATCH)]
            rows = space.levels(np.concatenate([measured.features(part) for part in pictures]))
            steps = np.linalg.norm(np.diff(rows, axis=0), axis=1)
            found[f"straight in {where}"].append(float(np.linalg.norm(rows[-1] - rows[0]) / max(steps.sum(), 1e-9)))
            found[f"even in {where}"].append(float(steps.mean() / max(steps.max(), 1e-9)))
    return {name: float(np.mean(values)) for name, values in found.items()}
