"""A photo taken apart, once: the skin with where it lies, its light, the eyes without their lids, the colours of lids and
mouth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from mimica.face.raster import Coverage, rasterise
from mimica.synthesize import light
from mimica.synthesize.creases import Creases
from mimica.synthesize.fit import Fit
from mimica.synthesize.rig import Rig, normals
from mimica.synthesize.topology import SIDES, Lip, Topology

FIELD = 240
"""Side of the tight crop, pixels, at which the mesh is drawn: displacement and light are smooth and need no more."""
IRIS = 0.093
"""Radius of an iris in eye distances (11.7 mm of 63)."""
_EYE_LOOPS = {"left": ((42, 43, 44, 45), (42, 47, 46, 45)), "right": ((36, 37, 38, 39), (36, 41, 40, 39))}
_LIP_COLOURS = ((50, 51, 52, 58, 57, 56), (61, 62, 63, 67, 66, 65))


@dataclass(frozen=True)
class Layers:
    """What frames of one photo are made of. `picture` is the canvas, uint8 (H, W, 3)."""

    rig: Rig
    parts: Topology
    fit: Fit
    picture: np.ndarray
    creases: Creases

    @property
    def unit(self) -> float:
        """Canvas pixels for one of a crop of 480, in which lengths of the picture's make-up are given."""
        return self.fit.canvas.side / 480

    @property
    def field_scale(self) -> float:
        return FIELD / self.fit.canvas.side

    @cached_property
    def vertices(self) -> np.ndarray:
        return self.rig.shaped(self.fit.base, self.fit.weights)

    @cached_property
    def places(self) -> np.ndarray:
        """float32 (V, 2): where the photo shows them."""
        return self.fit.project(self.vertices)[0]

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """float32 (skin, 3), as the camera sees them."""
        mesh = np.concatenate([self.rig.triangles["skin"], self.rig.triangles["socket"]])
        turned: np.ndarray = normals(vertices[: self.rig.skin], mesh) @ self.fit.turn.T.astype(np.float32)
        return turned

    @cached_property
    def own_normals(self) -> np.ndarray:
        return self.normals(self.vertices)

    def drawn(self, places: np.ndarray, depth: np.ndarray) -> Coverage:
        """The skin on the field."""
        triangles = self.rig.triangles["skin"]
        order = np.argsort(depth[triangles].sum(axis=1), kind="stable")
        size = round(self.fit.canvas.size * self.field_scale)
        return rasterise(places[: self.rig.face] * np.float32(self.field_scale), triangles[order], (size, size))

    @cached_property
    def _own(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the photo: bool (H, W) where its skin faces the camera, and the vertices' upper-lid weights, on the canvas."""
        places, depth = self.fit.project(self.vertices)
        drawn = self.drawn(places, depth)
        lids = [self.parts.lids[side].skin for side in SIDES]
        maps = drawn.interpolate(np.stack([*self.own_normals.T, *lids])[:, : self.rig.face])
        size = self.picture.shape[1], self.picture.shape[0]
        whole = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in (drawn.mask(), *maps)])
        return whole[0] > 0.9, whole[1:]

    @cached_property
    def light(self) -> np.ndarray:
        covered, maps = self._own
        facing = covered & (maps[2] > 0.25)
        if facing.sum() < 100:
            facing = covered
        return light.fitted(self.picture, np.moveaxis(maps[:3], 0, -1), facing, self.unit)

    @cached_property
    def skin_colours(self) -> np.ndarray:
        """float32 (N, 3): the pixels of skin that faces the camera."""
        covered, maps = self._own
        return self.picture[covered & (maps[2] > 0.25)].astype(np.float32)

    # --- eyes and lids ----------------------------------------------------------------------------------------------

    @cached_property
    def lid_colour(self) -> dict[str, np.ndarray]:
        """float32 (3,) of each upper lid, for the skin that comes out of its fold."""
        covered, maps = self._own
        found = {}
        for side, weight in zip(SIDES, maps[3:], strict=True):
            x, y = self.fit.points[list(_EYE_LOOPS[side][1])].mean(axis=0) + [0, 0.14 * self.fit.canvas.eye_distance]
            dx, dy = round(18 * self.unit), round(8 * self.unit)
            below = self.picture[max(int(y) - dy, 0) : int(y) + dy, max(int(x) - dx, 0) : int(x) + dx].reshape(-1, 3)
            under = np.median(below, axis=0) if len(below) else np.median(self.skin_colours, axis=0)
            own = self.picture[covered & (weight > 0.3)].astype(np.float32)
            lid = under
            if len(own) > 30:
                luma = own.mean(axis=1)
                low, high = np.percentile(luma, (60, 95))
                lid = np.median(own[(luma >= low) & (luma <= high)], axis=0)
            found[side] = (0.6 * lid + 0.38 * under).astype(np.float32)
        return found

    @cached_property
    def white_of_eye(self) -> np.ndarray:
        return np.max([self._eyes[1], self._eyes[2]], axis=0)

    @property
    def eyes(self) -> np.ndarray:
        """float32 (H, W, 3): the photo with the eyes' lids taken away: its own pixels within the lids, completed beyond."""
        return self._eyes[0]

    @cached_property
    def _eyes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        layer, whites = self.picture.astype(np.float32), {}
        for side in SIDES:
            iris = self.fit.irises[1 if side == "left" else 0]
            whites[side] = _complete_eye(layer, self.outline(self.places, side), iris, self)
        return layer, whites["left"], whites["right"]

    def outline(self, places: np.ndarray, side: str) -> np.ndarray:
        """(n, 2): the border of an eye's opening, upper lid first; lids that meet do not cross."""
        lids = self.parts.lids[side]
        return opening(places[lids.upper], places[lids.lower])

    def mouth_outline(self, places: np.ndarray) -> np.ndarray:
        """(n, 2): the border of the mouth's opening."""
        return opening(places[self.parts.lips["upper"].inner], places[self.parts.lips["lower"].inner])

    @cached_property
    def closing(self) -> dict[str, np.ndarray]:
        """For each eye float32 (follow,): by how much its lid must drop besides for a full blink to close exactly."""
        shut = dict(self.fit.weights)
        for letter in "LR":
            shut[f"eyeBlink_{letter}"], shut[f"eyeWide_{letter}"] = 1.0, 0.0
            shut[f"eyeSquint_{letter}"] *= 0.3
        places = self.fit.project(self.rig.shaped(self.fit.base, shut))[0]
        found = {}
        for side in SIDES:
            lids = self.parts.lids[side]
            lower = places[lids.lower]
            lacking = np.interp(places[lids.upper, 0], lower[:, 0], lower[:, 1]) + 0.8 * self.unit - places[lids.upper, 1]
            at = np.arange(len(lids.upper))
            lacking *= np.clip(np.minimum(at, at[::-1]) / 2, 0, 1)
            lacking = np.convolve(np.pad(lacking, 1, mode="edge"), np.ones(3) / 3, "valid")
            found[side] = (lacking[lids.follow_near] * lids.follow_weight).astype(np.float32)
        return found

    # --- lips and mouth ---------------------------------------------------------------------------------------------

    @cached_property
    def texture(self) -> np.ndarray:
        """float32 (V, 2): where in the photo each vertex gets its colour: its own place, but lips' insides and lids' rims, which
        the photo hides, borrow from the skin beside them."""
        at = self.places.copy()
        for lip in self.parts.lips.values():
            out = self._outward(lip)
            share = np.clip(lip.behind_share, 0, 0.6)[:, None] * 0.8
            at[lip.behind] = at[lip.inner[lip.behind_near]] + out[lip.behind_near] * share
        for lids in self.parts.lids.values():
            middle = self.places[np.r_[lids.upper, lids.lower]].mean(axis=0)
            away = self.places[lids.rim_at] - middle
            at[lids.rim] = self.places[lids.rim_at] + away / (np.linalg.norm(away, axis=1, keepdims=True) + 1e-6) * self.unit
        return at

    @cached_property
    def lip_push(self) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Lip -> (vertices, places along it, (n, 2) shifts of their texture): when lips part, their rims turn out, away from the
        dark line where they touched."""
        found = {}
        for name, lip in self.parts.lips.items():
            which, near = np.r_[lip.red, lip.behind], np.r_[lip.red_near, lip.behind_near]
            share = np.r_[lip.red_share, np.zeros(len(lip.behind))]
            amount = 0.22 * np.clip(1 - share / 0.9, 0, 1) ** 1.5
            found[name] = which, lip.across[near], (self._outward(lip)[near] * amount[:, None]).astype(np.float32)
        return found

    def _outward(self, lip: Lip) -> np.ndarray:
        """(n, 2): from the inner edge of a lip to the outer one, as the photo shows them."""
        out = self.places[lip.outer] - self.places[lip.inner]
        length = np.linalg.norm(out, axis=1, keepdims=True)
        out = out * np.minimum(1, 0.16 * self.fit.canvas.eye_distance / (length + 1e-6))
        return np.stack([np.convolve(np.pad(c, 3, mode="edge"), np.ones(7) / 7, "valid") for c in out.T], axis=1)

    @cached_property
    def lip_line(self) -> float:
        """How dark the line between the closed lips is, 0 to 1."""
        gray = cv2.GaussianBlur(self.picture.astype(np.float32).mean(axis=2), (0, 0), self.unit)
        points = self.fit.points
        middle = points[[61, 62, 63]]
        red = np.concatenate([(points[[50, 51, 52]] + middle) / 2, (points[[58, 57, 56]] + middle) / 2])
        return float(np.clip(0.9 * (1 - np.median(_at(gray, middle)) / (np.median(_at(gray, red)) + 1)), 0.08, 0.42))

    @cached_property
    def white(self) -> np.ndarray:
        """float32 (3,): a white thing in this light, for teeth."""
        eye = self.white_of_eye
        lit = np.percentile(self.skin_colours.mean(axis=1), 75)
        cast = 0.5 + 0.5 * np.clip(eye / (eye.mean() + 1), 0.7, 1.3)
        return (np.clip(max(1.12 * eye.mean(), 1.12 * lit), 75, 225) * cast).astype(np.float32)


def opening(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The area between two borders (n, 2) and (m, 2) with common ends, as a polygon; empty of area where they touch or cross."""
    order = np.argsort(upper[:, 0])
    above = np.interp(lower[:, 0], upper[order, 0], upper[order, 1])
    below = np.stack([lower[:, 0], np.maximum(lower[:, 1], above)], axis=1)
    return np.concatenate([upper, below[::-1]])


def _at(gray: np.ndarray, points: np.ndarray) -> np.ndarray:
    rows, columns = (np.clip(points[:, i].astype(int), 0, gray.shape[1 - i] - 1) for i in (1, 0))
    picked: np.ndarray = gray[rows, columns]
    return picked


def _complete_eye(layer: np.ndarray, outline: np.ndarray, iris: np.ndarray, own: Layers) -> np.ndarray:
    """Paints an eye beyond its lids, in place: the white spreads, the iris is completed by its own colours at each radius. Gives
    the colour of the white."""
    unit, radius = own.unit, IRIS * own.fit.canvas.eye_distance
    low, high = np.floor(outline.min(axis=0) - 26 * unit).astype(int), np.ceil(outline.max(axis=0) + 26 * unit).astype(int)
    (x0, y0), (x1, y1) = np.maximum(low, 0), np.minimum(high, layer.shape[1::-1])
    part = layer[y0:y1, x0:x1]
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((outline - [x0, y0]) * 16).astype(np.int32)], 1, shift=4)
    seen = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=max(1, round(2 * unit))) > 0
    rows, columns = np.mgrid[y0:y1, x0:x1]
    away = np.hypot(columns + 0.5 - iris[0], rows + 0.5 - iris[1])
    around = seen & (away > 1.15 * radius)
    white = _white(part, around, own)
    weight = around.astype(np.float32)
    spread = cv2.GaussianBlur(part * weight[..., None], (0, 0), 9 * unit) + 0.05 * white
    fill = spread / (cv2.GaussianBlur(weight, (0, 0), 9 * unit)[..., None] + 0.05)
    fill = 0.5 * fill + 0.475 * white
    disc = np.clip((1.06 * radius - away) / (0.12 * radius) + 0.5, 0, 1)[..., None]
    fill = fill * (1 - disc) + _by_radius(part, seen, away / (1.1 * radius), 0.35 * white) * disc
    kept = np.clip((cv2.GaussianBlur(seen.astype(np.float32), (0, 0), 1.6 * unit) - 0.3) / 0.6, 0, 1) * seen
    kept = cv2.GaussianBlur(kept.astype(np.float32), (0, 0), max(0.5, unit))[..., None]
    layer[y0:y1, x0:x1] = part * kept + fill * (1 - kept)
    return white


def _white(part: np.ndarray, around: np.ndarray, own: Layers) -> np.ndarray:
    if around.sum() > 12:
        luma = part[around].mean(axis=1)
        found: np.ndarray = np.median(part[around][luma >= np.percentile(luma, 40)], axis=0)
        return found
    return np.array([210, 205, 200], np.float32) * np.float32(own.skin_colours.mean() / 170)


def _by_radius(part: np.ndarray, seen: np.ndarray, away: np.ndarray, otherwise: np.ndarray, rings: int = 12) -> np.ndarray:
    """The median colour of what is seen at each distance (1 is the last ring's end), from outside in where a ring is hidden."""
    colours, last = np.zeros((rings, 3), np.float32), otherwise
    ring = np.minimum((away * rings).astype(int), rings)
    for index in range(rings - 1, -1, -1):
        here = seen & (ring == index)
        if here.sum() > 3:
            last = np.median(part[here], axis=0)
        colours[index] = last
    at = np.clip(away * rings - 0.5, 0, rings - 1)
    return np.stack([np.interp(at, np.arange(rings), c) for c in colours.T], axis=-1).astype(np.float32)
