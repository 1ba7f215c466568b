"""The inside of a mouth, with depth: single teeth, a tongue, a dark throat, and both rows where people show them.

The inner mouth's mesh (teeth, gums, tongue) moves with the lips and the jaw. In wide mouths its rows lie behind the lips, so that
one would look at an evenly lit tongue: here the rows follow the lips by a share of the gap, teeth are rounded, the tongue is lit
from the front and dark towards the throat, and everything is darker towards the corners of the mouth, where cheeks keep the light
out. What the photo itself shows of teeth is kept by the painter's `w` (`mimica.engines.ganimation.fast.painter`); nothing is
moved there.

Lengths are shares of the side of the tight crop unless another unit is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mimica.engines.ganimation.fast.depth import smoothstep

INNER_LIPS = ((61, 62, 63), (65, 66, 67))
"""Landmarks of the inner edges of the upper and the lower lip."""
INCISORS = 0.03
"""Teeth so near the middle of the mean mesh set the edge of their row."""
WIDE = (0.02, 0.07)
"""Gaps between the lips from which the rows begin to follow them, and follow them fully."""
SEEN = (0.17, 0.15)
"""Shares of the gap that the upper and the lower row then show."""
OWN_TEETH = (0.008, 0.02)
"""The photo's own gap, from which its teeth may be seen: the upper row stays where they are."""
GAP = (0.82, 0.72)
"""From this share of half a tooth's width on it is shaded, and what is left of the light at its sides."""
TINT, LIGHT, SPREAD = 0.15, 1.04, 0.72
"""How much of the mesh's yellow of teeth is kept (the photo's white brings their tint); their light is that of the mesh to the
power of the third, times the second: it reaches farther back."""
LOWER_ROW = 0.78
"""What the lower row, behind the upper one, gets of its light."""
BACK, BACK_COLOUR = ((0.080, 0.122), (0.060, 0.090)), (0.10, 0.052, 0.05)
"""How far from the middle of the mean mesh the teeth of the upper and the lower row begin to lie in the shade of the cheeks and
lie wholly in it, and the colour that is left of them, as a share of white."""
TONGUE, THROAT, GROOVE = (0.64, 0.36, 0.36), 0.20, 0.012
"""The tongue's colour at its tip as a share of white, what the throat's end of it has of that, half the width of its groove."""
CORNER, CORNER_LIGHT = 0.17, 0.42
"""Over this share of the mouth's width the light falls towards its corners, to so much of it."""
GROOVED = 0.22


@dataclass(frozen=True)
class Inside:
    """The inner mouth: `color` float32 (I, 3), shares of white; `upper` and `lower`, the rows' vertices, in one slice each;
    `edges`, the incisors' vertices of each row; `follows`, uint8 (I,), 1 on what moves with the lower row, 2 with the upper."""

    color: np.ndarray
    edges: tuple[np.ndarray, np.ndarray]
    follows: np.ndarray

    @classmethod
    def of(cls, topology: Mapping[str, np.ndarray], mean: np.ndarray) -> Inside:
        """`mean` (I, 2), the inner mouth's vertices of the mean mesh."""
        teeth = np.flatnonzero(topology["inner_soft"] < 0.5)
        color = topology["inner_color"].astype(np.float32).copy()
        split = int(np.argmax(np.diff(mean[teeth, 0]))) + 1  # each row runs from one side to the other
        rows = teeth[:split], teeth[split:]
        near = [row[np.abs(mean[row, 0] - 0.5) < INCISORS] for row in rows]
        light = color[teeth].mean(axis=1, keepdims=True)
        color[teeth] = (1 - TINT + TINT * color[teeth] / np.maximum(light, 1e-6)) * LIGHT * light**SPREAD
        for tooth in _pieces(teeth, topology["inner_triangles"]):
            x = mean[tooth, 0]
            half, middle = max(float(np.ptp(x)) / 2, 1e-6), float(x.min() + x.max()) / 2
            side = smoothstep((np.abs(x - middle) / half - GAP[0]) / (1 - GAP[0]))
            color[tooth] *= 1 - (1 - GAP[1]) * side[:, None]
        color[rows[1]] *= LOWER_ROW
        for row, (begins, ends) in zip(rows, BACK, strict=True):
            back = smoothstep((np.abs(mean[row, 0] - 0.5) - begins) / (ends - begins))[:, None]
            color[row] += back * (np.minimum(color[row], np.array(BACK_COLOUR, np.float32)) - color[row])
        tongue = _tongue(topology, mean)
        color[tongue] = _tongue_colour(mean[tongue])
        follows = np.zeros(len(mean), np.uint8)
        follows[rows[1]], follows[rows[0]] = 1, 2
        return cls(color.astype(np.float32), (near[0], near[1]), follows)

    def placed(self, inner: np.ndarray, lips: np.ndarray, own_gap: float) -> np.ndarray:
        """The inner mouth (I, 2) with its rows where lips that part show them; `lips` (68, 2), the moved landmarks;
        `own_gap`, how far the photo's own lips are apart."""
        upper, lower = (float(lips[list(row), 1].mean()) for row in INNER_LIPS)
        gap = lower - upper
        follow = float(smoothstep(np.array((gap - WIDE[0]) / (WIDE[1] - WIDE[0]))))
        if follow <= 0:
            return inner
        covered = 1 - float(smoothstep(np.array((own_gap - OWN_TEETH[0]) / (OWN_TEETH[1] - OWN_TEETH[0]))))
        edges = [inner[edge, 1] for edge in self.edges]
        down = max(0.0, upper + SEEN[0] * gap - float(np.percentile(edges[0], 95))) * covered
        up = max(0.0, float(np.percentile(edges[1], 5)) - (lower - SEEN[1] * gap))
        shift = follow * np.array([0.0, -up, down], np.float32)
        result = inner.copy()
        result[:, 1] += shift[self.follows]
        return result


def own_gap(landmarks: np.ndarray) -> float:
    """How far the lips of landmarks (68, 2) are apart."""
    upper, lower = (float(landmarks[list(row), 1].mean()) for row in INNER_LIPS)
    return lower - upper


def deepened(drawing: np.ndarray, opening: np.ndarray) -> np.ndarray:
    """A drawing (h, w, 3) of what is behind an opening (h, w), darker towards its corners."""
    columns = np.flatnonzero(opening.max(axis=0) > 0.3)
    if len(columns) < 4:
        return drawing
    x0, x1 = float(columns[0]), float(columns[-1]) + 1
    x = np.arange(opening.shape[1], dtype=np.float32) + 0.5
    inwards = np.minimum(x - x0, x1 - x) / (CORNER * (x1 - x0))
    light = (CORNER_LIGHT + (1 - CORNER_LIGHT) * smoothstep(inwards)).astype(np.float32)
    along = np.repeat(light, drawing.shape[2])  # rows as they lie in memory: three times as fast as channel by channel
    return (drawing.reshape(len(drawing), -1) * along).reshape(drawing.shape)


def _pieces(vertices: np.ndarray, triangles: np.ndarray) -> list[np.ndarray]:
    """Vertices in runs that no triangle reaches out of: single teeth, as the mesh numbers them one after the other."""
    reach = np.zeros(int(triangles.max()) + 2, int)
    np.add.at(reach, triangles.min(axis=1), 1)
    np.add.at(reach, triangles.max(axis=1), -1)
    joined = np.cumsum(reach)  # whether some triangle spans from here to the next vertex
    return np.split(vertices, np.flatnonzero(joined[vertices[:-1]] == 0) + 1)


def _tongue(topology: Mapping[str, np.ndarray], mean: np.ndarray) -> np.ndarray:
    """The tongue's vertices: the last soft piece."""
    soft = np.flatnonzero(topology["inner_soft"] >= 0.5)
    return max((piece for piece in _pieces(soft, topology["inner_triangles"]) if len(piece) > 30), key=lambda p: int(p[0]))


def _tongue_colour(places: np.ndarray) -> np.ndarray:
    """(n, 3) of the tongue's vertices (n, 2) of the mean mesh: lit at the tip, dark at the throat and the sides, a groove."""
    x, y = places.T
    forward = (y - y.min()) / max(float(np.ptp(y)), 1e-6)
    aside = np.abs(x - 0.5) / max(float(np.abs(x - 0.5).max()), 1e-6)
    light = THROAT + (1 - THROAT) * smoothstep(forward * 1.4)
    light = light * (1 - 0.45 * aside**3) * (1 - GROOVED * np.exp(-(((x - 0.5) / GROOVE) ** 2)) * (1 - forward * 0.6))
    return light[:, None] * np.array(TONGUE)
