"""Creases that expressions make, drawn once a person in the frontal plane of the rig's neutral face, in centimetres: across the
forehead, between the brows, at the root of the nose, crow's feet, below the eyes, from nose to mouth, about the corners of the
mouth, on the chin. How many and how deep they are differs by person (the seed)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

SCALE = 12.0
"""Pixels of a map in a centimetre."""
LEFT, TOP, WIDTH, HEIGHT = -8.0, 12.0, 16.0, 20.0
SHAPE = round(HEIGHT * SCALE), round(WIDTH * SCALE)
DEEPEST, BRIGHTEST = -0.85, 0.35
RIDGE = 0.38
"""How much a crease's shoulders are lit, of its own darkness."""
CURVE = 1.25
"""Creases deepen with this power of the intensity."""

Points = Sequence[tuple[float, float]]


class Creases:
    """A person's."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._strength = rng, rng.uniform(0.55, 1.25)
        self._maps: dict[str, np.ndarray] = {}
        self._forehead()
        self._between_the_eyes()
        for sign, side in ((1, "L"), (-1, "R")):
            self._about_an_eye(sign, side)
            self._about_the_mouth(sign, side)
        self._chin()

    def change(self, units: Mapping[str, float]) -> np.ndarray | None:
        """float32 `SHAPE`, log of the factor on the light of a face with these sided units; None where there is none."""
        total = None
        for name, depth in depths(units).items():
            if depth > 0.02:
                part = self._maps[name] * np.float32(depth**CURVE)
                total = part if total is None else total + part
        return None if total is None else np.clip(total, DEEPEST, BRIGHTEST)

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _line(self, name: str, points: Points, depth: float, width: float) -> None:
        """A dark line through points, thinner and lighter towards its ends, with lit shoulders; `width` in centimetres."""
        depth *= self._strength * self._rng.uniform(0.7, 1.2)
        places = np.array(points) + self._rng.normal(0, 0.05, (len(points), 2))
        steps, fine = np.linspace(0, 1, len(places)), np.linspace(0, 1, 60)
        degree = min(3, len(places) - 1)
        x, y = (np.polyval(np.polyfit(steps, column, degree), fine) for column in places.T)
        pixels = np.stack([(x - LEFT) * SCALE, (TOP - y) * SCALE], axis=1)
        fade = np.sin(np.pi * np.clip(fine * 0.92 + 0.04, 0, 1)) ** 0.7
        drawn = np.zeros(SHAPE, np.float32)
        for start, end, value in zip((pixels * 8).astype(int), (pixels[1:] * 8).astype(int), fade, strict=False):
            cv2.line(drawn, start.tolist(), end.tolist(), float(value), 1, cv2.LINE_AA, 3)
        narrow, wide = width * SCALE, 2.4 * width * SCALE
        dark = cv2.GaussianBlur(drawn, (0, 0), narrow) * narrow * 2.5
        lit = cv2.GaussianBlur(drawn, (0, 0), wide) * wide * 2.5
        self._maps[name] = self._maps.get(name, np.zeros(SHAPE, np.float32)) + np.float32(depth) * (RIDGE * lit - dark)

    def _forehead(self) -> None:
        for row in range(int(self._rng.integers(2, 5))):
            y = 7.15 + 0.75 * row + self._rng.normal(0, 0.1)
            bow = self._rng.uniform(0.05, 0.3)
            middle = [(-1.7, y + 0.4 * bow), (-0.8, y - 0.05), (0.0, y - 0.5 * bow), (0.8, y - 0.05), (1.7, y + 0.4 * bow)]
            self._line("forehead", middle, 0.32, 0.10)
            for sign, side in ((1, "L"), (-1, "R")):
                outer = [(1.3, y), (2.2, y + bow), (3.1, y + 0.7 * bow), (4.0, y - 0.25)]
                self._line(f"forehead_{side}", [(sign * x, v) for x, v in outer], 0.32, 0.10)

    def _between_the_eyes(self) -> None:
        for sign in (1, -1):
            self._line("frown", [(sign * 0.80, 4.7), (sign * 0.66, 5.4), (sign * 0.72, 6.3)], 0.65, 0.11)
            self._line("nose", [(sign * 0.6, 3.0), (sign * 0.95, 2.4), (sign * 1.2, 1.7)], 0.4, 0.10)
            self._line("nose", [(sign * 0.5, 2.6), (sign * 0.8, 2.0), (sign * 1.0, 1.4)], 0.3, 0.09)
        self._line("nose", [(-0.75, 3.75), (0, 3.6), (0.75, 3.75)], 0.5, 0.09)
        self._line("nose", [(-0.65, 3.3), (0, 3.15), (0.65, 3.3)], 0.4, 0.09)

    def _about_an_eye(self, sign: int, side: str) -> None:
        for angle in (25, 2, -22)[: int(self._rng.integers(2, 4))]:
            turn, reach = np.radians(angle + self._rng.normal(0, 5)), self._rng.uniform(0.9, 1.4)
            steps = [0.05, reach / 2, reach]
            feet = [(sign * (4.85 + np.cos(turn) * r), 3.3 + np.sin(turn) * (r + 0.1 * r * r)) for r in steps]
            self._line(f"crow_{side}", feet, 0.36, 0.07)
        self._line(f"below_{side}", [(sign * x, y) for x, y in ((1.7, 2.65), (2.6, 2.2), (3.6, 2.2), (4.6, 2.6))], 0.40, 0.10)

    def _about_the_mouth(self, sign: int, side: str) -> None:
        for name, points, depth, width in (
            ("fold", ((1.85, 0.1), (2.35, -0.7), (2.9, -1.9), (3.2, -3.0)), 0.65, 0.15),
            ("corner", ((2.75, -3.6), (3.0, -4.1), (3.05, -4.9)), 0.55, 0.13),
            ("dimple", ((3.0, -2.9), (3.2, -3.45), (3.05, -4.1)), 0.55, 0.11),
        ):
            self._line(f"{name}_{side}", [(sign * x, y) for x, y in points], depth, width)

    def _chin(self) -> None:
        self._line("chin", [(-1.2, -5.2), (0, -4.95), (1.2, -5.2)], 0.4, 0.14)
        grain = cv2.GaussianBlur(self._rng.normal(0, 1, SHAPE).astype(np.float32), (0, 0), 0.13 * SCALE)
        rows, columns = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
        x, y = columns / SCALE + LEFT, TOP - rows / SCALE
        near = np.exp(-((x / 1.3) ** 2 + ((y + 6.1) / 0.9) ** 2)).astype(np.float32)
        self._maps["chin"] += np.float32(0.13 * self._strength) * grain / grain.std() * near


def depths(units: Mapping[str, float]) -> dict[str, float]:
    """Which creases units make, by FACS's descriptions, 0 to 1."""

    def unit(number: int, side: str) -> float:
        return units.get(f"AU{number:02d}{side}", 0.0)

    def mean(number: int) -> float:
        return (unit(number, "L") + unit(number, "R")) / 2

    found = {
        "forehead": mean(1) * (1 - 0.3 * mean(4)),
        "frown": max(mean(4), 0.3 * mean(9)),
        "nose": mean(9),
        "chin": mean(17),
    }
    for side in "LR":
        smile, cheek, lid = unit(12, side), unit(6, side), unit(7, side)
        found[f"forehead_{side}"] = max(unit(2, side), 0.15 * unit(1, side))
        found[f"crow_{side}"] = max(cheek, 0.25 * lid * unit(4, side))
        found[f"below_{side}"] = max(0.8 * cheek, 0.6 * lid, 0.4 * unit(9, side))
        found[f"fold_{side}"] = min(1.0, max(smile, 0.8 * unit(9, side), 0.8 * unit(10, side)) + 0.2 * cheek * smile)
        found[f"corner_{side}"] = unit(15, side)
        found[f"dimple_{side}"] = max(unit(14, side), 0.35 * smile)
    return found


def places(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centimetres of the neutral face -> pixels of the maps, float32."""
    return ((x - LEFT) * SCALE).astype(np.float32), ((TOP - y) * SCALE).astype(np.float32)
