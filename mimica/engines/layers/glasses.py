"""Glasses and sunglasses, drawn in three dimensions on the fitted head, at `FINE` times the picture's resolution.

From back to front: temples (until the head hides them, and where hair does), the back edges of the rims, lenses, the rims with
their bevel. They darken the skin below them (shadow) and reflect a window. Where they sit: `spectacles`."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from mimica.engines.layers.drawing import blur, brought_down, fixed, luma, smooth, soft_noise
from mimica.engines.layers.overlay import Overlay
from mimica.engines.layers.spectacles import MATERIALS, SHAPES, Material, Seat, Shape, bridge, hinge, middle, outline
from mimica.engines.layers.subject import Subject
from mimica.face import raster
from mimica.face.attributes import Worn
from mimica.face.head import Head

FINE = 3
"""Drawn so many times as large, then brought down."""
MARGIN = (0.5, 0.9)
"""Model units around the front, and below it for the shadow."""
BACK, ARM = 0.45, 0.70
"""Of the colour of back edges and temples."""
SHADOW = {True: 0.20, False: 0.24}
"""How much of the light the rims take from the skin below, of metal and of plastic."""
FALL, ASIDE, SOFT = 0.42, 0.10, 0.16
"""Where the shadow falls, and how soft it is, model units."""
TINTS = {"gray": (30, 31, 35), "amber": (66, 40, 20), "green": (30, 44, 36), "violet": (54, 38, 66)}
DARK = (0.80, 0.50)
"""Alpha of a dark lens above and below."""
GLARE, SKY = 0.10, 0.10
DEPTH_CELLS = 150
"""Cells over the side of the tight crop in which the head's depth is drawn."""
HIDDEN = 0.018
"""Shares of the side by which the head must be nearer than a temple to hide it."""


def glasses(subject: Subject, worn: Worn, hair: np.ndarray) -> Overlay:
    """The pair on the subject; `hair` (H, W) hides its temples."""
    return Pair(subject, worn, hair).drawn().faded(min(worn.dose, 1.0))


class Pair:
    """Canvases of one pair, each uint8, `FINE` times as large as the box of the picture that it needs; without temples, if only
    its front is wanted."""

    def __init__(self, subject: Subject, worn: Worn, hair: np.ndarray, temples: bool = True) -> None:
        shape, material = SHAPES[worn["shape"]], MATERIALS[worn["frame"]]
        self.subject, self.shape, self.material, self.seat = subject, shape, material, Seat(subject.head, subject.landmarks)
        self.tint, self.mottled = TINTS[worn["tint"]] if worn.name == "sunglasses" else None, worn["frame"] == "tortoise"
        self.light_from = subject.light_from
        lenses = [outline(shape, material.rim / 2, side) + [side * middle(shape, material), 0] for side in (-1, 1)]
        self.rims = [self.seat.flat(lens) for lens in lenses]
        self.arms = [self._arm(side) for side in (-1, 1)] if temples else []
        around = np.concatenate([*self.rims, *(arm.reshape(-1, 2) for arm in self.arms)])
        unit, (height, width) = self.seat.pixels, subject.shape
        low, high = around.min(axis=0) - MARGIN[0] * unit, around.max(axis=0) + np.array(MARGIN) * unit
        self.x0, self.y0 = (int(v) for v in np.clip(np.floor(low), 0, [width - 2, height - 2]))
        x1, y1 = (int(v) for v in np.clip(np.ceil(high), [self.x0 + 2, self.y0 + 2], [width, height]))
        self.size = x1 - self.x0, y1 - self.y0
        self.box = np.s_[self.y0 : y1, self.x0 : x1]
        self.hair = hair[self.box]

    def _new(self) -> np.ndarray:
        return np.zeros((self.size[1] * FINE, self.size[0] * FINE), np.uint8)

    def _fill(self, canvas: np.ndarray, points: np.ndarray) -> None:
        cv2.fillPoly(canvas, [fixed(points - [self.x0, self.y0], FINE)], 255, cv2.LINE_AA, 4)

    def _flat(self, canvas: np.ndarray, points: np.ndarray, back: float = 0.0) -> None:
        self._fill(canvas, self.seat.flat(points, back))

    def _arm(self, side: int) -> np.ndarray:
        """(n, 4, 2) pixels, the pieces of a temple that the head does not hide."""
        upper, lower, near = temple(self.seat, self.shape, self.material, side)
        seen = unhidden((upper + lower) / 2, near, self._depth)
        return np.stack([upper[: seen - 1], upper[1:seen], lower[1:seen], lower[: seen - 1]], axis=1)

    @cached_property
    def _depth(self) -> Depth:
        return depth_of(self.subject.head)

    # --- parts ------------------------------------------------------------------------------------------------------

    def drawn(self) -> Overlay:
        """All of it."""
        front, back, glass = self._rims()
        arms = self._new()
        for pieces in self.arms:
            for piece in pieces:
                self._fill(arms, piece)
        hull = cv2.convexHull(np.concatenate(self.rims).astype(np.float32))[:, 0].astype(np.float64)
        lenses, behind = brought_down(glass, self.size), brought_down(back, self.size)
        bars = brought_down(arms, self.size) * self._bare()
        bevelled, cover = self._bevelled(front)
        picture = Stack(self.subject.picture[self.box])
        plain = np.array(self.material.colour, np.float32) * self.subject.light
        picture.over(plain * ARM, bars * 0.97)
        picture.over(plain * BACK, behind * 0.97)
        self._glaze(picture, lenses)
        picture.over(bevelled, cover)
        mask = 1 - picture.through
        keep = (picture.through * (1 - self._shadow(np.maximum(cover, behind), lenses) * self._on_head()))[..., None]
        return Overlay(self.x0, self.y0, np.repeat(keep, 3, axis=2), picture.colour, hull, mask)

    def _rims(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Front, back edges, glass."""
        front, back, glass, far = self._new(), self._new(), self._new(), self._new()
        shape, material, deep = self.shape, self.material, self.material.depth
        for side in (-1, 1):
            out, into = (outline(shape, s * material.rim / 2, side) + [side * middle(shape, material), 0] for s in (1, -1))
            for behind in np.linspace(deep, 0.04, 3):
                self._flat(back, out, behind)
            self._flat(front, out)
            self._flat(glass, into)
            self._flat(far, into, deep)
        front, back = cv2.subtract(front, glass), cv2.subtract(back, cv2.min(glass, far))
        for raised in (0.0, 0.75) if shape is SHAPES["aviator"] else (0.0,):
            self._flat(back, bridge(shape, material, raised), deep)
            self._flat(front, bridge(shape, material, raised))
        for side in (-1, 1):
            self._flat(back, hinge(shape, material, side), deep + 0.2)
            self._flat(front, hinge(shape, material, side))
        return front, back, glass

    def _bare(self) -> np.ndarray:
        return uncovered(self.subject.picture[self.box], self.hair, self.subject.skin, self.subject.apart)

    def front(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Rims and lenses alone: their colour (h, w, 3), multiplied by what it covers; what shows through them, where the rims
        are, and what of the light they take from the skin, each (h, w)."""
        front, _, glass = self._rims()
        lenses, picture = brought_down(glass, self.size), Stack(self.subject.picture[self.box])
        bevelled, cover = self._bevelled(front)
        self._glaze(picture, lenses)
        picture.over(bevelled, cover)
        return picture.colour, picture.through, cover, self._shadow(cover, lenses)

    def _bevelled(self, front: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The colours of the rims' front, lit as if they were round, and where they are."""
        metal, light_from = self.material.metal, self.light_from
        reach = max(1.0, self.material.rim * 0.5 * self.seat.grown * self.seat.pixels * FINE)
        inside = np.clip(cv2.distanceTransform((front > 127).astype(np.uint8), cv2.DIST_L2, 5) / reach, 0, 1)
        height = cv2.GaussianBlur(np.sqrt(1 - (1 - inside) ** 2).astype(np.float32) * np.float32(reach), (0, 0), reach * 0.25)
        gx, gy = (cv2.Sobel(height, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
        length = 1 / np.sqrt(1 + gx**2 + gy**2)
        diffuse, shine = (
            np.clip((-gx * way * light_from - gy * up + toward) * length, 0, 1)
            for way, up, toward in ((0.35, -0.75, 0.56), (0.18, -0.42, 0.89))
        )
        cover = front.astype(np.float32) / 255
        shine = shine ** (14 if metal else 28) * cover
        whole = cv2.resize(cover, self.size, interpolation=cv2.INTER_AREA)
        lit, bright = (
            (cv2.resize(each, self.size, interpolation=cv2.INTER_AREA) / np.maximum(whole, 1e-3))[..., None]
            for each in ((0.40 + 0.75 * diffuse) * cover, shine)
        )
        colour = np.array(self.material.colour, np.float32) * (self._mottles() if self.mottled else 1)
        return (colour * lit + np.float32(255 * (0.34 if metal else 0.62)) * bright) * self.subject.light, whole

    def _mottles(self) -> np.ndarray:
        """Dark spots of tortoiseshell, (h, w, 1)."""
        spots = soft_noise(self.size[::-1], 0.28 * self.seat.pixels, np.random.default_rng(7))
        return np.asarray(0.28 + 0.95 * smooth((spots + 0.7) / 1.2), np.float32)[..., None]

    def _glaze(self, picture: Stack, lenses: np.ndarray) -> None:
        """Dark glass and what it mirrors."""
        tint = self.tint
        u, v = (each[self.box] for each in self.subject.along())
        light = self.subject.light
        if tint is not None:
            part = smooth((v + 0.30) / 0.62)
            picture.over(np.array(tint, np.float32) * light, lenses * (DARK[0] + (DARK[1] - DARK[0]) * part))
            picture.over(np.array((205, 215, 228), np.float32) * light, lenses * smooth((-0.02 - v) / 0.22) * SKY)
        slant = 0.8 * u + v
        streaks = ((-0.62, 0.055, 1.0), (-0.50, 0.02, 0.6), (0.18, 0.055, 0.8), (0.29, 0.02, 0.5))
        window = sum(strength * np.exp(-(((slant - place) / width) ** 2)) for place, width, strength in streaks)
        window = np.clip(window * smooth((0.16 - v) / 0.3) * GLARE, 0, 1)
        picture.over(np.array((235, 240, 248), np.float32) * min(1.0, light), lenses * window)

    def _shadow(self, solid: np.ndarray, lenses: np.ndarray) -> np.ndarray:
        """What of the light is taken from what lies below."""
        unit = self.seat.pixels
        moved = np.array([[1, 0, -ASIDE * unit * self.light_from], [0, 1, FALL * unit]])
        shadow = blur(cv2.warpAffine(solid, moved, self.size), SOFT * unit)
        if self.tint is None:
            glass = 0.05 * blur(lenses, 0.2 * unit)
        else:
            glass = 0.12 * blur(cv2.warpAffine(lenses, moved, self.size), 0.3 * unit)
        result: np.ndarray = SHADOW[self.material.metal] * shadow + glass
        return result

    def _on_head(self) -> np.ndarray:
        """Where the head is that a shadow can fall on."""
        depth, corner, cells = self._depth
        head = cv2.erode((depth > -np.inf).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
        place = np.array(
            [[cells, 0, (self.x0 + 0.5 - corner[0]) * cells - 0.5], [0, cells, (self.y0 + 0.5 - corner[1]) * cells - 0.5]]
        )
        return cv2.warpAffine(head, place, self.size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


Depth = tuple[np.ndarray, np.ndarray, float]
"""A head's depth (rows, columns), -inf where there is none; its corner in the picture; cells a pixel."""


def depth_of(head: Head) -> Depth:
    """How near each part of a head is."""
    cells = DEPTH_CELLS / head.side
    points = head.in_photo(head.vertices[:, :2])
    corner = points.min(axis=0)
    order = np.argsort(head.vertices[head.model.triangles, 2].mean(axis=1))
    columns, rows = np.ceil((points.max(axis=0) - corner) * cells).astype(int) + 1
    cover = raster.rasterise((points - corner) * cells, head.model.triangles[order], (int(rows), int(columns)))
    drawn = cover.interpolate(head.vertices[None, :, 2].astype(np.float32))[0]
    return np.where(cover.mask() > 0, drawn, -np.inf), corner, cells


def temple(seat: Seat, shape: Shape, material: Material, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The upper and the lower edge of a temple, (n, 2) pixels, and how near it is, (n,)."""
    line, half = seat.arm(shape, material, side), (0.10 if material.metal else 0.24) * seat.grown
    (upper, near), (lower, _) = (seat.seen(line + [0, turn * half, 0]) for turn in (1, -1))
    return upper, lower, near


def unhidden(line: np.ndarray, near: np.ndarray, depth: Depth) -> int:
    """How many points of a temple's line (n, 2) come before the head hides it."""
    cover, corner, cells = depth
    column, row = ((line - corner) * cells).astype(int).T
    inside = (column >= 0) & (row >= 0) & (column < cover.shape[1]) & (row < cover.shape[0])
    head = np.full(len(line), -np.inf)
    head[inside] = cover[row[inside], column[inside]]
    hidden = np.flatnonzero(head > near + HIDDEN)
    return int(hidden[0]) if len(hidden) else len(line)


def uncovered(picture: np.ndarray, hair: np.ndarray, skin: np.ndarray, apart: float) -> np.ndarray:
    """Where no hair hides a temple in a part of a picture: by the mask of hair there, and by colours far from the skin's."""
    unlike = np.abs(picture - skin).sum(axis=-1) / (luma(picture) + 60)
    shown = smooth((1.0 - unlike) / 0.45) * (1 - smooth((hair - 0.3) / 0.4))
    return blur(np.asarray(shown, np.float32), 0.02 * apart)


class Stack:
    """Layers laid one over the other: `colour` (h, w, 3), multiplied by what it covers, and what shows `through` (h, w)."""

    def __init__(self, picture: np.ndarray) -> None:
        self.colour = np.zeros_like(picture)
        self.through = np.ones(picture.shape[:2], np.float32)

    def over(self, colour: np.ndarray, alpha: np.ndarray) -> None:
        self.colour = self.colour + alpha[..., None] * (np.clip(colour, 0, 255) - self.colour)
        self.colour = self.colour.astype(np.float32)
        self.through = (self.through * (1 - alpha)).astype(np.float32)
