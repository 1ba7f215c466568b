"""Glasses as things: shapes of rims and lenses, and where they sit on a fitted head, in its model units (about centimetres).

A pair lies in a plane of its own: u to the right of the picture, v up, from the bridge of the nose; wrapped around the head and
leaning forward at the top. Which numbers make glasses look like glasses was found by eye."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimica.face.head import LANDMARKS, Head

FACE_WIDTH, LARGER = 14.72, 0.96
"""Of the mean head, between the jaw's ends; glasses grow with it."""
IN_FRONT, BELOW_EYES = 0.75, 0.12
"""Of the bridge of the nose, and of the eyes' height: where the lenses' plane begins."""
WRAP, LEAN = 0.021, 0.10
BETWEEN = 0.95
"""Half of what lies between two lenses."""
ARM_HEIGHT, ARM_REACH, ARM_DEPTH, EAR_DROP = 0.88, 0.35, -1.2, 0.30
"""Where the temples begin on the front; how far outside the head, how deep, and how much above the eyes they end."""
ARM_BOW = 0.25
ARM_STEPS = 40


@dataclass(frozen=True)
class Shape:
    """A lens: half width and half height; exponents of its superellipse above and below; how far its outer upper (lower, if
    negative) corner is drawn out; how much wider it is above than below."""

    width: float
    height: float
    above: float
    below: float
    corner: float = 0.0
    flare: float = 0.0


SHAPES = {
    "wayfarer": Shape(2.62, 2.02, 4.2, 2.4, 0.10, 0.09),
    "round": Shape(2.35, 2.20, 2.1, 2.1),
    "rectangular": Shape(2.65, 1.75, 4.0, 3.2, 0.0, 0.03),
    "oval": Shape(2.55, 1.65, 2.4, 2.3),
    "aviator": Shape(2.80, 2.40, 3.0, 2.0, -0.17, 0.05),
    "cat": Shape(2.60, 1.85, 3.2, 2.2, 0.55, 0.04),
}


@dataclass(frozen=True)
class Material:
    """What a frame is made of: its colour; whether it shines like metal; half the thickness of rims, and how deep they are."""

    colour: tuple[int, int, int]
    metal: bool = False
    rim: float = 0.18
    depth: float = 0.22


MATERIALS = {
    "black": Material((28, 24, 24)),
    "gold": Material((176, 134, 66), True, 0.17, 0.10),
    "silver": Material((150, 154, 160), True, 0.17, 0.10),
    "brown": Material((84, 52, 32)),
    "tortoise": Material((104, 62, 30)),
    "red": Material((140, 26, 32)),
    "blue": Material((36, 58, 112)),
    "white": Material((222, 219, 212)),
}


def outline(shape: Shape, grown: float, side: int, points: int = 72) -> np.ndarray:
    """(n, 2), the lens about its own middle, grown by so much; `side` -1 is that at the left of the picture."""
    width, height = shape.width + grown, shape.height + grown
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    power = 2 / np.where(s > 0, shape.above, shape.below)
    x, y = width * np.sign(c) * np.abs(c) ** power, height * np.sign(s) * np.abs(s) ** power
    outer = np.clip(x / width, 0, 1)
    y = y + shape.corner * outer**2 * (y > -0.3 if shape.corner > 0 else y < 0)
    return np.stack([side * x * (1 + shape.flare * y / height), y], axis=1)


def bridge(shape: Shape, material: Material, raised: float = 0.0) -> np.ndarray:
    """(n, 2), the bar between the lenses; aviators have a second one, `raised`."""
    half = middle(shape, material) - shape.width + 0.1
    u = np.linspace(-half, half, 17)
    top = 0.55 + raised + 0.22 * (1 - (u / half) ** 2)
    thick = material.depth
    return np.concatenate([np.stack([u, top + thick], 1), np.stack([u[::-1], top[::-1] - thick], 1)])


def middle(shape: Shape, material: Material) -> float:
    """How far the middle of a lens is from the nose."""
    return shape.width + BETWEEN + material.rim / 2


def hinge(shape: Shape, material: Material, side: int) -> np.ndarray:
    """(4, 2), the piece that joins rim and temple."""
    out = middle(shape, material) + shape.width + material.rim / 2
    corners = [[out - 0.12, 1.12], [out + 0.26, 1.08], [out + 0.26, 0.66], [out - 0.12, 0.62]]
    return np.array(corners) * [side, 1]


class Seat:
    """Where a pair sits on a head with landmarks (68, 2) in pixels of its picture."""

    def __init__(self, head: Head, landmarks: np.ndarray) -> None:
        self.head = head
        marks = self.head.shaped[-LANDMARKS:]
        self._ear = abs(marks[[0, 16], 0])
        self.grown = float(marks[16, 0] - marks[0, 0]) / FACE_WIDTH * LARGER
        self._eyes = float(marks[36:48, 1].mean())
        self._front = float(marks[27, 2]) + IN_FRONT
        held = [27, 28, 36, 39, 42, 45]
        seen = self.head.from_photo(landmarks[held])
        self._off = (seen - self.head.placed(marks[held])[:, :2]).mean(axis=0)

    @property
    def pixels(self) -> float:
        """Pixels of a model unit."""
        return self.head.scale * self.head.side

    def lens_plane(self, flat: np.ndarray, back: float = 0.0) -> np.ndarray:
        """(n, 2) in the plane of the lenses, `back` units behind it -> (n, 3) model units."""
        u, v = self.grown * np.asarray(flat).T
        z = self._front - back - WRAP * u**2 + LEAN * v
        return np.stack([u, self._eyes - BELOW_EYES + v, z], axis=1)

    def seen(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, 3) model units -> pixels (n, 2), and nearness (n,) in shares of the side, camera axes."""
        placed = self.head.placed(points)
        return self.head.in_photo(placed[:, :2] + self._off), placed[:, 2]

    def flat(self, points: np.ndarray, back: float = 0.0) -> np.ndarray:
        """(n, 2) in the plane of the lenses -> pixels (n, 2)."""
        return self.seen(self.lens_plane(points, back))[0]

    def arm(self, shape: Shape, material: Material, side: int) -> np.ndarray:
        """(ARM_STEPS, 3), the middle line of a temple from its hinge to above the ear."""
        out = middle(shape, material) + shape.width + material.rim / 2 + 0.22
        start = self.lens_plane(np.array([[side * out, ARM_HEIGHT]]), material.depth / 2)[0]
        ear = self._ear[0 if side < 0 else 1] + ARM_REACH
        end = np.array([side * ear, self._eyes + EAR_DROP, ARM_DEPTH])
        step = np.linspace(0, 1, ARM_STEPS)[:, None]
        line: np.ndarray = start + (end - start) * step
        line[:, 0] += side * ARM_BOW * np.sin(np.pi * step[:, 0])
        return line
