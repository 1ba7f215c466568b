"""Where hair, head and skin are, whether a head is covered, and how old a face looks: a small network and the photo's own edges.

The network sees an ffhq crop of `SIDE` pixels. What it says is brought to the picture by a guided filter along the picture's
edges, and at the hairline by colour. Beyond the crop hair goes on where its colour does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from mimica.engines.layers.drawing import blur, guided, polygon, smooth
from mimica.engines.layers.subject import Subject
from mimica.errors import WeightsError
from mimica.face.align import crop_from_photo, cut
from mimica.model_files.onnx_session import Session, open_session
from mimica.pictures.pixels import to_signed

KIND, VERSION, SIDE = "face-masks", 1, 64
WEIGHTS = Path(__file__).parents[2] / "weights" / "masks.onnx"
COVERED = 0.5
"""A head is taken to wear something from this chance on."""
FARTHER = 0.72
"""Size of the head in the view that tells what hair is beyond the crop, as a share of that in the crop."""
_UPPER = 0.3
"""Share of the crop, from its upper rim on, in which that view counts."""
LOOKS = ((1.08, 0.0, 0.0), (0.92, 0.0, 0.0), (1.0, 0.04, 0.03), (1.0, -0.04, -0.03))
"""Other views of a head that seems covered: how much larger, and how far to the right and down, in sides of the crop. What one of
them takes for bare is bare: helmets and backgrounds beside the hair deceive one view, hats none."""
LEAST = 0.02
CUT_SIDE, CUT_ROUNDS = 176, 2
FEWEST = 40
"""Pixels of sure hair below which colours say nothing."""
APART = (12.0, 14.0)
"""Between the colours of hair and skin in Lab: below the first colour tells nothing, over the second it comes to count."""
DEEP = 0.16
"""Eye distances from the mask's edge, from which on all is hair."""
HAIRLINE = (0.22, 0.22)
"""Eye distances beyond the face up to which colour decides between hair and skin, and over which that fades."""
CHILD = 22.0
"""A face that seems younger gets no beard: the network takes most children for older than raters do. See the model card."""
UNSURE = 0.9
"""How much of what may be hair is uncertain (`Found.unsure`), from which on nothing is dyed."""


@dataclass(frozen=True)
class Found:
    """hair, head   float32 (H, W) in [0, 1], over the picture
    covered      chance that the head wears a hat, cap or scarf, the least of several looks      age  as it looks, years
    unsure       the network's doubt, 4 p (1 - p), over all of the crop, for each pixel of hair
    chances      float32 (2, `SIDE`, `SIDE`), what the network says of hair and head in its crop
    """

    hair: np.ndarray
    head: np.ndarray
    covered: float
    age: float
    unsure: float
    chances: np.ndarray


@lru_cache(1)
def _session() -> Session:
    session = open_session(WEIGHTS, 1, "The network of masks")
    about = session.about()
    if about.get("kind") != KIND or about.get("version") != VERSION:
        raise WeightsError(f"'{WEIGHTS}' is no network of masks of this version: get it again.")
    return session


def raw(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (B, SIDE, SIDE, 3) -> masks of hair and head float32 (B, 2, SIDE, SIDE), and (B, 2) chance of a covered head and
    age; each crop is also seen in a mirror. Raises `WeightsError`."""
    both = np.concatenate([crops, crops[:, :, ::-1]])
    images = np.ascontiguousarray(to_signed(both.transpose(0, 3, 1, 2)))
    masks, facts = _session().run({"image": images}, (len(both), 2, SIDE, SIDE), (len(both), 2))
    count = len(crops)
    return (masks[:count] + masks[count:, ..., ::-1]) / 2, (facts[:count] + facts[count:]) / 2


def find(subject: Subject) -> Found:
    """The masks of a subject."""
    matrix = crop_from_photo(subject.landmarks, SIDE, "ffhq")
    crop = cut(picture := np.rint(subject.picture).astype(np.uint8), matrix, SIDE)
    masks, facts = raw(crop[None])
    hair, head = (on_picture(mask, matrix, subject.shape) for mask in masks[0])
    chance = masks[0, 0]
    unsure = float((4 * chance * (1 - chance)).mean() / max(float(chance.mean()), LEAST))
    covered = float(facts[0, 0])
    if covered > COVERED:
        covered = min(covered, float(raw(other_looks(picture, matrix))[1][:, 0].min()))
    rim = cv2.invertAffineTransform(matrix) @ [SIDE / 2, 0, 1]
    if chance[0].max() > 0.5 and rim[1] > 0.15 * subject.apart:  # there is more of the picture above
        hair = _beyond(picture, matrix, hair)
    return Found(_matted(subject, hair), head, covered, float(facts[0, 1]), unsure, masks[0])


def _beyond(picture: np.ndarray, matrix: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """Hair that the crop's upper rim cuts off would go on to the picture's end, and mirrored hair above a picture's end
    looks like more of it: a view from farther, continued by its rim, must show it too."""
    middle = SIDE * (1 - FARTHER) / 2
    wide = FARTHER * matrix + np.array([[0, 0, middle], [0, 0, middle]])
    view = cv2.warpAffine(picture, wide, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    both = np.minimum(hair, on_picture(raw(view[None])[0][0, 0], wide, hair.shape))
    rows = smooth((_UPPER - np.arange(SIDE, dtype=np.float32) / SIDE) / (_UPPER / 2))  # 1 at the rim, 0 from `_UPPER` on
    share = on_picture(np.ascontiguousarray(np.broadcast_to(rows[:, None], (SIDE, SIDE))), matrix, hair.shape)
    return hair + share * (both - hair)


def other_looks(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """uint8 (`LOOKS`, SIDE, SIDE, 3), the crop that `matrix` (2, 3) cuts from a picture, from nearer, farther and beside."""
    middle = SIDE / 2
    views = []
    for scale, x, y in LOOKS:
        away = np.array([[scale, 0, middle * (1 - scale) + x * SIDE], [0, scale, middle * (1 - scale) + y * SIDE], [0, 0, 1]])
        views.append(cut(picture, (away @ np.vstack([matrix, [0, 0, 1]]))[:2], SIDE))
    return np.stack(views)


def on_picture(mask: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A mask of the crop over the picture, cubic; beyond the crop as at its rim."""
    here = matrix.copy()
    here[:, 2] += here[:, :2] @ [0.5, 0.5] - 0.5
    size = shape[::-1]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.clip(cv2.warpAffine(mask, here, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), 0, 1)


def _matted(subject: Subject, hair: np.ndarray) -> np.ndarray:
    """The coarse mask of hair with the picture's edges; at the hairline as much as the colour says, and never over eyes, brows
    and cheeks."""
    apart, radius = subject.apart, max(2, int(0.06 * subject.apart))
    coarse = _cut(subject, hair)
    guides = (np.ascontiguousarray(plane) / np.float32(255) for plane in cv2.split(subject.picture))
    fine = np.clip(np.mean([guided(guide, coarse, radius, 1.5e-3) for guide in guides], axis=0), 0, 1)
    mask = smooth((fine - 0.2) / 0.6).astype(np.float32)
    mask = mask * _share_of_hair(subject, mask)
    return (mask * beside_face(subject.landmarks, apart, subject.shape)).astype(np.float32)


def beside_face(landmarks: np.ndarray, apart: float, shape: tuple[int, int]) -> np.ndarray:
    """float32 (H, W): 0 over eyes, brows and cheeks, where no hair of the head is."""
    inner = polygon(shape, np.vstack([landmarks[1:16], landmarks[[25, 24, 19, 18]]]))
    face = cv2.erode(inner, np.ones((3, 3)), iterations=max(1, int(0.08 * apart)))
    free: np.ndarray = 1 - blur(face, 0.03 * apart)
    return free


def _cut(subject: Subject, hair: np.ndarray) -> np.ndarray:
    """GrabCut, seeded by what the network says, decides where that is unsure."""
    scale = min(1.0, CUT_SIDE / max(subject.shape))
    size = max(8, round(subject.shape[1] * scale)), max(8, round(subject.shape[0] * scale))
    small, chance = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (subject.picture, hair))
    seeds = np.full(size[::-1], cv2.GC_PR_BGD, np.uint8)
    seeds[chance > 0.45] = cv2.GC_PR_FGD
    seeds[chance > 0.93] = cv2.GC_FGD
    seeds[blur(chance, 0.05 * subject.apart * scale) < 0.10] = cv2.GC_BGD
    points = subject.landmarks * scale
    seeds[polygon(size[::-1], np.vstack([points[1:16], points[[45, 27, 36]]])) > 0.5] = cv2.GC_BGD
    if (seeds == cv2.GC_FGD).sum() < FEWEST or (seeds == cv2.GC_BGD).sum() < FEWEST:
        return hair
    cv2.setRNGSeed(0)  # its colour models start from k-means
    picture = np.rint(small).astype(np.uint8)
    cv2.grabCut(picture, seeds, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = ((seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD)).astype(np.float32)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3)))
    both = (0.75 * found + 0.25 * chance) * smooth((chance - 0.12) / 0.25).astype(np.float32)
    both = np.maximum(both, smooth((chance - 0.5) / 0.35).astype(np.float32))  # what the network is sure of stays
    whole = cv2.resize(blur(both, 0.8), subject.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(whole, 0, 1).astype(np.float32)


def _share_of_hair(subject: Subject, mask: np.ndarray) -> np.ndarray:
    """In [0, 1], near the face how far the picture's colour has come from the skin's to the hair's, as single hairs over skin
    have it; 1 elsewhere, and where both have the same colour."""
    sure = mask > 0.9
    if sure.sum() < FEWEST:
        return np.ones_like(mask)
    lab = cv2.cvtColor(subject.picture / np.float32(255), cv2.COLOR_RGB2LAB)
    hair = np.median(lab[sure], axis=0)
    skin = cv2.cvtColor(subject.cheeks[None] / np.float32(255), cv2.COLOR_RGB2LAB)[0]
    way = hair - np.median(skin, axis=0)
    length = float(np.linalg.norm(way))
    passed = ((lab - np.median(skin, axis=0)) @ way) / max(length * length, 1e-6)
    share = smooth((passed - 0.15) / 0.55)
    near = 1 - smooth((_beyond_face(subject) - HAIRLINE[0]) / HAIRLINE[1])
    deep = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / np.float32(DEEP * subject.apart)
    near = near * (1 - smooth(deep))  # what shines deep inside is a highlight
    told = float(np.clip((length - APART[0]) / APART[1], 0, 1))
    result: np.ndarray = 1 - told * near * (1 - share)
    return result.astype(np.float32)


def _beyond_face(subject: Subject) -> np.ndarray:
    """How far each pixel lies outside the face with its forehead, in eye distances."""
    marks, lift = subject.landmarks, 0.5 * subject.apart * -subject.down
    arch = np.interp(np.arange(10), [0, 2, 7, 9], [0.55, 1, 1, 0.55])[:, None]
    face = polygon(subject.shape, np.vstack([marks[:17], (marks[17:27] + lift * arch)[::-1]])) > 0.5
    return cv2.distanceTransform((~face).astype(np.uint8), cv2.DIST_L2, 3) / np.float32(subject.apart)
