"""`mimica prepare masks SET -o OUT`: a face set -> pictures with masks of hair and head, for `mimica train masks`.

Nobody has drawn these masks: they are GrabCut's (C. Rother and others, 2004), seeded by the landmarks and by where skin's
colour is not, and wrong for about one picture in three. A network that is trained on many of them errs less than they do. A
column `hat` of a table (`--labels`) says whether the head is covered, the set's ratings how old a face looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.data.attribute_sets import SourceFace, find_set, with_labels
from mimica.data.sources.base import Dropped
from mimica.engines.layers.drawing import polygon
from mimica.engines.layers.masks import SIDE
from mimica.engines.vae.masks import cached_mask
from mimica.errors import DataError, ImageError, NoFaceError
from mimica.face.align import crop_from_photo, cut, eye_centres, transform
from mimica.files import atomic_path
from mimica.prepare.faces import Report, reason_of
from mimica.reader.read import Reader, largest_face

WORK = 128
"""Side of the ffhq crop in which hair is found."""
ROUNDS = 3
SURE_HEIGHT, SURE_OUTSIDE, SURE_INSIDE = 0.25, 0.10, 0.07
"""Eye distances above the brows, away from the face and within the head: there it is hair, if it is not coloured as skin."""
FARTHEST = 1.25
"""Eye distances from the face beyond which there is no hair of it."""
SKIN, NOT_SKIN, HAIR, UNLIKE = 5.0, 9.0, 7.0, 16.0
"""Squared Mahalanobis distances in Lab."""
FEWEST = 12
"""Pixels of sure hair below which a head counts as bald."""
FILE = "masks.npz"


def prepare(
    folder: Path,
    output: Path,
    *,
    labels: Path | None = None,
    cache: Path | None = None,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda kept, dropped: None,
) -> Report:
    """Writes the new folder `output` with `FILE`: `images` uint8 (N, SIDE, SIDE, 3), `hair` and `head` uint8 (N, SIDE, SIDE),
    `hat` and `age` float32 (N,) with NaN where nobody says, `validation` bool (N,), `names`. Raises `DataError`."""
    faces = with_labels(find_set(folder), labels) if labels else find_set(folder)
    reader, report, rows = Reader(threads=1), Report(), []
    for face in faces.faces[:limit] if limit else faces.faces:
        try:
            rows.append(_row(face, reader, cache))
        except (ImageError, NoFaceError) as error:
            report.dropped.append(Dropped(face.name, reason_of(error)))
        progress(len(rows), len(report.dropped))
    report.kept = len(rows)
    if not rows:
        raise DataError(f"None of the pictures of '{folder}' could be used.")
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        columns: dict[str, Any] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        np.savez(temporary / FILE, **columns)
    return report


def _row(face: SourceFace, reader: Reader, cache: Path | None) -> dict[str, np.ndarray | float | bool | str]:
    photo = face.load()
    points = largest_face(photo, reader=reader).landmarks_photo
    matrix = crop_from_photo(points, WORK, "ffhq")
    crop, places = cut(photo, matrix, WORK), transform(points, matrix)
    head = cached_mask(crop, places, cache)
    hair = hair_mask(crop, places, head > 127)
    image, head, hair = (cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for each in (crop, head, hair))
    said = {name: float(face.values.get(name, np.nan)) for name in ("hat", "age")}
    return {"images": image, "head": head, "hair": hair, **said, "validation": face.validation, "names": face.name}


# --- GrabCut of hair --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Places:
    """Where things are in a crop, bool (S, S) each, and float32 maps in eye distances: `high`, above the brows along the face;
    `away`, from the face; `deep`, within the head."""

    face: np.ndarray
    core: np.ndarray
    neck: np.ndarray
    head: np.ndarray
    high: np.ndarray
    away: np.ndarray
    deep: np.ndarray


def hair_mask(crop: np.ndarray, landmarks: np.ndarray, head: np.ndarray) -> np.ndarray:
    """uint8 (S, S, 3), landmarks (68, 2), bool (S, S) -> uint8 (S, S), 255 where hair is; zeros for a bald head."""
    places = _places(crop.shape, landmarks, head)
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB).astype(np.float32)
    skin = _unlike(lab, places.core, (60, 8, 8))
    outside = places.head & ~cv2.erode(places.face.astype(np.uint8), np.ones((3, 3))).astype(bool)
    sure = outside & (places.high > SURE_HEIGHT) & (skin > NOT_SKIN) & (places.away > SURE_OUTSIDE) & (places.deep > SURE_INSIDE)
    if sure.sum() < FEWEST:
        return np.zeros(crop.shape[:2], np.uint8)
    hair = _unlike(lab, sure, (90, 10, 10))
    seeds = _seeds(places, outside, sure, skin, hair)
    cv2.setRNGSeed(0)
    cv2.grabCut(crop, seeds, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = cv2.morphologyEx(((seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD)).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    _, parts = cv2.connectedComponents(found)
    sizes, reached = np.bincount(parts.ravel()), np.bincount(parts[sure], minlength=int(parts.max()) + 1)
    kept = (reached > 4) | ((sizes > 0.004 * found.size) & (np.bincount(parts.ravel(), hair.ravel()) < HAIR * sizes))
    kept[0] = False
    return (kept[parts] & ~places.core).astype(np.uint8) * 255


def _places(shape: tuple[int, ...], points: np.ndarray, head: np.ndarray) -> _Places:
    eyes = eye_centres(points)
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    brows = points[17:27]
    up = brows.mean(axis=0) - points[8]
    up = up / np.hypot(*up)
    arch = np.interp(np.arange(10), [0, 2, 7, 9], [0.55, 1, 1, 0.55])[:, None]
    face = polygon(shape, np.vstack([points[:17], (brows + up * apart * 0.5 * arch)[::-1]])) > 0.5
    core = polygon(shape, np.vstack([points[1:16], points[[45, 27, 36]]])) > 0.5
    for hole in (points[36:42], points[42:48], points[48:60]):
        core &= cv2.dilate(polygon(shape, hole), np.ones((3, 3))) < 0.3
    below = points[[11, 5]] - up * 2.2 * apart
    neck = polygon(shape, np.vstack([points[5:12], below])) > 0.5
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    high = ((x - brows[:, 0].mean()) * up[0] + (y - brows[:, 1].mean()) * up[1]) / apart
    away, deep = (cv2.distanceTransform(each.astype(np.uint8), cv2.DIST_L2, 3) / apart for each in (~face, head))
    return _Places(face, core, neck, head, high, away, deep)


def _unlike(lab: np.ndarray, where: np.ndarray, least: tuple[float, float, float]) -> np.ndarray:
    """Squared Mahalanobis distance of every pixel from the colours at `where`; `least` is added to their variances."""
    pixels = lab[where]
    away = lab - np.median(pixels, axis=0)
    covariance = np.cov(pixels.T) + np.diag(least) if len(pixels) > 3 else np.diag(least)
    result: np.ndarray = np.einsum("hwi,ij,hwj->hw", away, np.linalg.inv(covariance), away)
    return result


def _seeds(places: _Places, outside: np.ndarray, sure: np.ndarray, skin: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """GrabCut's labels, uint8 (S, S)."""
    seeds = np.full(skin.shape, cv2.GC_PR_BGD, np.uint8)
    seeds[outside & (skin >= SKIN)] = cv2.GC_PR_FGD
    beyond = (places.away > FARTHEST) | places.neck | places.core | (~places.head & (places.high > 0.1))
    like = (hair < HAIR) & (hair < skin) & ~places.core & ~(places.neck & (places.away < 0.5)) & (places.away < FARTHEST)
    seeds[beyond] = cv2.GC_BGD
    seeds[like] = cv2.GC_PR_FGD
    seeds[sure] = cv2.GC_FGD
    _, parts = cv2.connectedComponents(cv2.morphologyEx(like.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3))))
    joined = np.bincount(parts[sure], minlength=int(parts.max()) + 1) > 4
    joined[0] = False
    seeds[joined[parts] & (hair < HAIR / 2) & (places.away > 0.05) & (places.away < 1)] = cv2.GC_FGD
    seeds[(seeds == cv2.GC_PR_FGD) & (hair > UNLIKE)] = cv2.GC_PR_BGD
    return seeds
