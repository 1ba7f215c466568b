"""Where hair and skin are in each frame of a film: the masks of one frame, carried by the landmarks, moved on by what the network
of masks sees change (steadied in time, in the face's own crop), and brought to the frame's own edges.

All but the edges is done in a small picture."""

from __future__ import annotations

import cv2
import numpy as np

from mimica.engines.layers import masks
from mimica.engines.layers.drawing import blur, guided_lines, smooth
from mimica.engines.layers.skin import SkinColour
from mimica.engines.layers.spline import Spline
from mimica.engines.layers.subject import Subject
from mimica.face.align import crop_from_photo, cut, eye_centres

SMALL = 40.0
"""Pixels between the eyes in the small picture."""
EDGE, EDGES = 2, 1.5e-3
"""Of the guided filter there: its radius, and from which contrast on it follows an edge."""
NEW = 0.3
"""How much of a frame's own mask goes into what is used."""
RIM = 0.10
"""Eye distances over which hair has a rim."""
APART = (16.0, 30.0)
"""Levels between hair and skin: below the first brightness tells nothing, over the second it comes to count."""
SHINE = 0.5
"""How much of what looks strange deep inside hair is taken for a highlight."""
FEWEST = 60


class Regions:
    """Hair and skin of a subject, of which the masks `found` are known; `face` (H, W), where skin of the face is."""

    def __init__(self, subject: Subject, found: masks.Found, face: np.ndarray) -> None:
        self._marks = subject.landmarks
        size = _size(subject.shape, subject.apart)
        self._shrunk = np.array([size[0] / subject.shape[1], size[1] / subject.shape[0]])
        self._chances = found.chances.copy()
        self._colour = SkinColour.of(subject.picture, face)
        matrix = crop_from_photo(subject.landmarks * self._shrunk, masks.SIDE, "ffhq")
        said = [masks.on_picture(each, matrix, size[::-1]) for each in found.chances]
        carried = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (found.hair, face, found.head))
        self._carried = np.dstack([*carried, *said]).astype(np.float32)
        self._hair = np.ascontiguousarray(self._carried[..., 0])
        sure = found.hair > 0.8
        self._usual = (
            float(np.median(subject.gray[sure])) if sure.sum() > FEWEST else -1.0,
            float(np.median(subject.cheeks @ _LUMA)),
        )

    def hair_only(self, part: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """float32 (h, w): hair as the head carries it by the similarity `moved` from the part of a frame to the subject, without
        looking at the frame; for what hair hides."""
        matrix = moved * self._shrunk[:, None]
        matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self._hair, matrix, part.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def look(self, part: np.ndarray, marks: np.ndarray, spline: Spline, skin: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """float32 (h, w) thrice for a part of a frame, uint8 (h, w, 3), with landmarks (68, 2): hair, how deep inside it, and
        skin (where it is not asked for, nothing)."""
        size, (hair, face, head, said_hair, said_head) = self._here(part, marks, spline)
        small, little = cv2.resize(part, size, interpolation=cv2.INTER_AREA), marks * (size[0] / part.shape[1])
        matrix = crop_from_photo(little, masks.SIDE, "ffhq")
        seen = masks.raw(cut(small, matrix, masks.SIDE)[None])[0][0]
        self._chances += np.float32(NEW) * (seen - self._chances)
        now = [masks.on_picture(each, matrix, size[::-1]) for each in self._chances]
        hair = np.clip(hair + now[0] - said_hair, 0, 1) * masks.beside_face(little, SMALL, size[::-1])
        guide = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        gray = cv2.blur(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), (3, 3))
        deep = _large(smooth((blur(hair, RIM * SMALL) - 0.68) / 0.28), gray)
        alpha = self._as_dark(_along_edges(hair, guide, gray), gray, deep)
        if not skin or self._colour is None:
            return alpha, deep, np.zeros_like(alpha)
        head = np.clip(head + now[1] - said_head, 0, 1)
        region = self._colour.region(small, little, face, hair, head)
        return alpha, deep, _along_edges(region, guide, gray)

    def _here(self, part: np.ndarray, marks: np.ndarray, spline: Spline) -> tuple[tuple[int, int], list[np.ndarray]]:
        """The size of the small picture, and what is carried to it."""
        eyes = eye_centres(marks)
        size = _size(part.shape, float(np.hypot(*(eyes[1] - eyes[0]))))
        shrunk = size[0] / part.shape[1]
        half, places = np.float32(0.5), spline.maps((0, 0, *size), shrunk)
        x, y = ((each + half) * np.float32(own / shrunk) - half for each, own in zip(places, self._shrunk, strict=True))
        parts = (self._carried[..., :3], self._carried[..., 3:])
        here = [cv2.remap(each, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for each in parts]
        return size, [*cv2.split(here[0]), *cv2.split(here[1])]

    def _as_dark(self, hair: np.ndarray, gray: np.ndarray, deep: np.ndarray) -> np.ndarray:
        """At its rim hair is only what is as dark, or as light, as it is rather than as skin or what else is there."""
        own, skin = self._usual
        told = float(np.clip((abs(own - skin) - APART[0]) / APART[1], 0, 1)) if own >= 0 else 0.0
        if not told:
            return hair
        passed = (np.arange(256, dtype=np.float32) - skin) / (own - skin)
        strange = np.float32(told) * (1 - smooth((passed - 0.15) / 0.55)).astype(np.float32)
        away = cv2.multiply(cv2.LUT(gray, strange), 1 - SHINE * deep)
        return cv2.multiply(hair, 1 - away)


_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def _size(shape: tuple[int, ...], apart: float) -> tuple[int, int]:
    """(width, height) of the small picture."""
    shrunk = min(1.0, SMALL / apart)
    return max(2, round(shape[1] * shrunk)), max(2, round(shape[0] * shrunk))


def _large(small: np.ndarray, gray: np.ndarray) -> np.ndarray:
    return cv2.resize(np.asarray(small, np.float32), gray.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _along_edges(small: np.ndarray, guide: np.ndarray, gray: np.ndarray) -> np.ndarray:
    """A small mask brought to the edges of a large gray picture, uint8 (h, w); `guide`, that in small, in [0, 1]."""
    slope, offset = (_large(each, gray) for each in guided_lines(guide, small, EDGE, EDGES))
    mask = cv2.add(cv2.multiply(gray, slope, scale=1 / 255, dtype=cv2.CV_32F), offset)
    return np.clip((mask - np.float32(0.1)) * np.float32(1.25), 0, 1)
