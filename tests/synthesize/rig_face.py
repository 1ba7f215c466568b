"""A face that the rig itself makes: known pose, known landmarks, a painted picture; no network is needed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.face.head import rotation
from mimica.facs import EMOTIONS, SIDED_AU_NAMES
from mimica.reader.follow import Finder
from mimica.reader.read import FaceReading
from mimica.synthesize.rig import load_rig

SIDE = 300
SKIN, LIPS, WHITE, IRIS = (205, 160, 135), (170, 90, 85), (235, 235, 230), (70, 50, 40)


@dataclass(frozen=True)
class RigFace:
    """rgb uint8 (SIDE, SIDE, 3), its reading, and the true yaw and pitch."""

    rgb: np.ndarray
    reading: FaceReading


def rig_face(yaw: float = 0.0, pitch: float = 0.0, seed: int = 0, said: tuple[float, float] | None = None) -> RigFace:
    """`said`: the yaw and pitch that the reading claims, if not the true ones."""
    rig, rng = load_rig(), np.random.default_rng(seed)
    person = rig.neutral + np.tensordot(rng.normal(0, 0.6, len(rig.identity)).astype(np.float32), rig.identity, 1)
    turned = person @ rotation(yaw, pitch, 0.0).T
    places = (turned[:, :2] * [1, -1] * 14 + [SIDE / 2, SIDE * 0.45]).astype(np.float32)
    points = places[rig.landmarks]
    irises = np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0)])
    rgb = np.full((SIDE, SIDE, 3), (90, 110, 130), np.uint8)
    cv2.fillConvexPoly(rgb, cv2.convexHull(places[: rig.face].astype(np.int32)), SKIN)
    for loop, colour in (("lip_outer", LIPS), ("eye_left", WHITE), ("eye_right", WHITE)):
        border = np.r_[rig.loops[f"{loop}_upper"], rig.loops[f"{loop}_lower"][::-1]]
        cv2.fillPoly(rgb, [places[border].astype(np.int32)], colour)
    for x, y in irises:
        cv2.circle(rgb, (round(float(x)), round(float(y))), 5, IRIS, -1)
    noise = rng.normal(0, 3, rgb.shape)
    rgb = np.clip(cv2.GaussianBlur(rgb, (0, 0), 0.8) + noise, 0, 255).astype(np.uint8)
    units, box = dict.fromkeys(SIDED_AU_NAMES, 0.0), (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    told = said or (yaw, pitch)
    shares = dict.fromkeys(EMOTIONS, 1 / 8)
    return RigFace(rgb, FaceReading(box, points, irises, 0.99, *told, 0.0, units, shares))


class RigFinder(Finder):
    """Finds `rig_face(seed)` in every picture, whatever it shows; the picture's first pixel is the seed, 255: nobody."""

    def __init__(self) -> None:
        pass

    def find(self, rgb: np.ndarray) -> list[FaceReading]:
        seed = int(rgb[0, 0, 0])
        return [] if seed == 255 else [rig_face(seed=seed).reading]
