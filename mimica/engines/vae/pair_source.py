"""What the spatial VAE learns from: a photo, the same photo changed, and what that is: a drawn attribute, or Action Units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.vae.augment import augmented
from mimica.engines.vae.data import VaeData
from mimica.engines.vae.pairs import switch_names
from mimica.face.attributes import EYEWEAR, FACIAL_HAIR, name_of
from mimica.facs import SIDED_AU_NAMES
from mimica.training.batches import Draw

LEAST_PAIRS = 12
"""Pairs from which on an attribute gets a switch."""
_HALF = len(SIDED_AU_NAMES) // 2


@dataclass(frozen=True)
class Pair:
    """One pair: `photo` and `row` of the data; `alpha` the place among its drawn pairs, -1 without; `switch` the number of the
    attribute, -1 without; `dose`; `erased` what the eraser must take from it (0 eyewear, 1 facial hair), -1 nothing."""

    photo: int
    row: int
    alpha: int = -1
    switch: int = -1
    dose: float = 0.0
    erased: int = -1


def switches_of(data: VaeData) -> tuple[str, ...]:
    """The names of drawn attributes of which there are enough pairs of training people."""
    called = switch_names(data.pairs.keys)
    counts = Counter(called[key] for row, key in zip(data.pairs.rows, data.pairs.keys, strict=True) if not data.validation[row])
    return tuple(sorted(name for name, count in counts.items() if count >= LEAST_PAIRS))


def drawn_pairs(data: VaeData, switches: Sequence[str], validation: bool) -> list[Pair]:
    """Of held-out people, or of all others; without what has neither a switch nor can be erased."""
    pairs, called = [], switch_names(data.pairs.keys)
    for place, (row, key) in enumerate(zip(data.pairs.rows, data.pairs.keys, strict=True)):
        name, own = name_of(key), called[key]
        erased = 0 if name in EYEWEAR else 1 if name in FACIAL_HAIR else -1
        switch = switches.index(own) if own in switches else -1
        if bool(data.validation[row]) == validation and max(switch, erased) >= 0:
            pairs.append(Pair(int(data.pairs.photos[place]), int(row), place, switch, float(data.pairs.doses[place]), erased))
    return pairs


def frame_pairs(data: VaeData, validation: bool) -> list[Pair]:
    """Photos and their re-animated frames whose Action Units are known."""
    if not set(SIDED_AU_NAMES) <= set(data.attributes):
        return []
    drawn, places = set(data.pairs.rows.tolist()), {name: row for row, name in enumerate(data.names)}
    known = np.isfinite(units_of(data)).all(1)
    return [
        Pair(places[photo], row)
        for row, photo in enumerate(data.photos)
        if photo != data.names[row]
        and photo in places
        and row not in drawn
        and bool(data.validation[row]) == validation
        and known[row]
        and known[places[photo]]
    ]


def units_of(data: VaeData) -> np.ndarray:
    """(N, 34) sided Action Units; zeros where the data have none."""
    if not set(SIDED_AU_NAMES) <= set(data.attributes):
        return np.zeros((len(data), len(SIDED_AU_NAMES)), np.float32)
    columns: np.ndarray = data.values[:, [data.attributes.index(name) for name in SIDED_AU_NAMES]]
    return columns


class PairSource:
    """`image` and `target` uint8 (B, S, S, 3), `mask` and `alpha` uint8 (B, S, S), `switch` and `erased` int64 (B,), `dose`
    float32 (B,), `units` float32 (B, 34): by how much they change. `frames` is the share of re-animated frames."""

    def __init__(self, data: VaeData, switches: Sequence[str], augment: bool, frames: float, validation: bool = False) -> None:
        drawn, animated = drawn_pairs(data, switches, validation), frame_pairs(data, validation)
        self.data, self.augment, self.units = data, augment, units_of(data)
        self.drawn, self.animated = drawn, animated
        self.share = frames if drawn and animated else float(bool(animated))

    def __len__(self) -> int:
        return max(len(self.drawn), len(self.animated))

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        cv2.setNumThreads(0)  # small pictures: threads only get in the way of the training's
        samples = [self._sample(draw) for draw in draws]
        return {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}

    def _sample(self, draw: Draw) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(draw.seed)
        kind = self.animated if rng.random() < self.share else self.drawn
        pair = kind[draw.item % len(kind)]
        data, seed = self.data, int(rng.integers(2**32))
        image, target, mask = (np.asarray(a) for a in (data.images[pair.photo], data.images[pair.row], data.masks[pair.row]))
        alpha = np.asarray(data.pairs.alphas[pair.alpha]) if pair.alpha >= 0 else np.zeros_like(mask)
        units, mirrored = self.units[pair.row] - self.units[pair.photo], False
        if self.augment:
            image, mask = augmented(image, mask, np.random.default_rng(seed))
            target, alpha = augmented(target, alpha, np.random.default_rng(seed))
            mirrored = np.random.default_rng(seed).random() < 0.5  # as `augmented` throws it first
        return {
            "image": image, "target": target, "mask": mask, "alpha": alpha,
            "switch": np.int64(pair.switch), "erased": np.int64(pair.erased), "dose": np.float32(pair.dose),
            "units": np.nan_to_num(np.roll(units, _HALF) if mirrored else units).astype(np.float32) * np.float32(pair.alpha < 0),
        }  # fmt: skip
