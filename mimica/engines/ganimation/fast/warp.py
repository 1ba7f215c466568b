"""From the motion of the mesh to the warp field of I_out = A * warp(I_in, F) + (1 - A) * C.

The moved mesh is rasterised; at every pixel it says where in the source picture that skin was (F) and how much lighter it
is now. Skin that the photo does not show (inner lips, lid rims) borrows its texture from the skin beside it. Outside the
mesh the motion is continued by a membrane that decays to zero, so that hair, ears and background stay.

Coordinates are shares of the side of the tight crop. A field has `SIDE` x scale columns over that side and as many rows
as one asks for: a chin may drop below the crop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from mimica.face import raster
from mimica.face.glasses import lids_of, limited

SIDE = 240
"""Columns of a field of scale 1; all lengths in pixels here are of that scale."""
CELL = 4
"""Pixels of a cell of the grid on which the motion is continued outside the mesh."""
DECAY = (8 / 42) ** 2
"""The membrane's screening per cell: motion falls by e within 42 / 8 cells."""
SWEEPS = 16
"""The membrane is seen up to `REACH` only, so that few are enough."""
RIM = 7
"""Over so many pixels the mesh's own motion passes into the membrane's."""
LIPS_APART = 0.015
"""The lip gap, as a share of the side, from which the lips' dark contact line is fully replaced by lip."""
SOFTNESS = 0.7
"""Blur of the masks of the openings, in pixels of the field at any scale."""
FROM_ABOVE = 3
"""Into so many rows of an opening the upper lid or lip goes on, unmixed with the lower: what lies between closed ones."""
THIN_MOUTH, THIN_EYE = (2, 3, 4, 6), (3, 4)
"""An opening is seen by the share of these numbers of rows that it has: what is thinner is a leak between closed lips or
lids, and it appears gradually."""
LID_EDGE = 2.4 / SIDE
"""How far outside the line of the lashes lid rims take their texture, so that no white of the eye gets in."""
EDGE_BLUR = 0.5
"""Blur of the flow in pixels of the field, against the mesh's facets."""
STEP = 3.0 / SIDE
"""Neighbouring pixels whose flow differs by more than this lie on either side of a step."""
STILL = (0.05, 0.25)
"""Motion below the first number of pixels is none; from the second on it is left as it is."""
FOREHEAD = 0.17
"""The forehead reaches so far above the brows (share of the side)."""
GROWN, FADE = 1.13, 12
"""The hull of the face, grown about its centre by this factor, is where motion ends; it fades over so many pixels inside."""
RIM_FADE = 3.0 / SIDE
"""Over this length beside a rim light and paint fade out."""
REACH = 14
"""So many pixels outside the mesh nothing moves any more."""


@dataclass(frozen=True)
class Field:
    """A warp of the tight crop (and what lies below it), H x W pixels, W = SIDE * scale.

    flow   float32 (H, W, 2), shares of the side to add to a pixel's place to get where it comes from; 0 where nothing moves
    steps  uint8 (H, W), 1 where flow jumps (one fold hides another, lids or lips meet): never to be interpolated there
    gain   float32 (H, W, 3), log of the factor on its colour
    mouth  float32 (H, W) in [0, 1], the opening between the lips      eyes   the same, between the lids
    """

    flow: np.ndarray
    steps: np.ndarray
    gain: np.ndarray
    mouth: np.ndarray
    eyes: np.ndarray


@dataclass(frozen=True)
class Seen:
    """A mesh as it is seen: what it `covers`, the same as a mask, float32 (H, W), the openings that it leaves, uint8 (H, W), and
    those with soft edges, as `Field` has them: of the mouth and of the eyes."""

    cover: raster.Coverage
    covered: np.ndarray
    holes: tuple[np.ndarray, np.ndarray]
    openings: tuple[np.ndarray, np.ndarray]


class Warper:
    """Rules of the topology: `texture` and `field`."""

    def __init__(self, topology: Mapping[str, np.ndarray]):
        self._rules = topology
        self._triangles = topology["triangles"]
        self._eye_loops = (topology["eye_loop_right"], topology["eye_loop_left"])
        self._rims = [(topology["rim_near"][:, None] == loop).any(axis=1) for loop in self._eye_loops]

    def field(
        self,
        source: np.ndarray,
        target: np.ndarray,
        gain: np.ndarray,
        scale: int = 1,
        rows: int = SIDE,
        rims: np.ndarray | None = None,
        shut: float = 0.0,
        seen: Seen | None = None,
    ) -> Field:
        """Skin vertices (V, 2) before and after and their log gain (V, 3) -> the field of (rows * scale, SIDE * scale). `rims` of
        that size: how far the nearest rim of glasses is, in shares of the side; nothing moves on them. `seen` of the target, if
        it is known already."""
        seen = self.seen(target, scale, rows) if seen is None else seen
        values = np.empty((5, len(target)), np.float32)
        values[:2], values[2:] = (self.texture(source, target) - target).T, gain.T
        drawn, covered, (mouth, eyes) = seen.cover.interpolate(values), seen.covered, seen.holes  # planes are the fastest
        inside = _depth(covered, mouth, eyes, scale)
        own = inside * inside * (3 - 2 * inside)
        outside = _membrane(drawn[:2], covered)
        continue_into(np.moveaxis(drawn, 0, 2), covered, mouth | eyes)
        flow = outside + (drawn[:2] - outside) * own
        if rims is not None:
            lids = lids_of(source[self._rules["landmarks"]], covered.shape)
            flow = flow + (1 - np.float32(shut) * lids) * (limited(flow, rims, lids) - flow)
            own = own * np.clip(rims * (1 / RIM_FADE), 0, 1)
        steps = _steps(flow)
        kept = steps > 0
        face = self._face(source, target, covered.shape)
        for plane in flow:
            plane[...] = np.where(kept, plane, cv2.GaussianBlur(plane, (0, 0), EDGE_BLUR)) * face
        relit = drawn[2:] * own
        return Field(cv2.merge(list(_settled(flow))), steps, cv2.merge(list(relit)), *seen.openings)

    def seen(self, target: np.ndarray, scale: int = 1, rows: int = SIDE) -> Seen:
        """The mesh with skin vertices (V, 2) in a field of (rows * scale, SIDE * scale)."""
        cover = self._rasterise(target, scale, rows)
        covered = cover.mask()
        mouth, eyes = self._inside_loops(target, covered)
        return Seen(cover, covered, (mouth, eyes), (_softened(mouth, THIN_MOUTH), _softened(eyes, THIN_EYE)))

    def openings(self, points: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`Field.mouth` and `Field.eyes` of a mesh with skin vertices (V, 2), which covers `skin` of the crop."""
        mouth, eyes = self._inside_loops(points, skin)
        return _softened(mouth, THIN_MOUTH), _softened(eyes, THIN_EYE)

    def skin(self, points: np.ndarray, scale: int = 1, rows: int = SIDE) -> np.ndarray:
        """float32 (rows * scale, SIDE * scale): 1 where the mesh with skin vertices (V, 2) covers the crop."""
        return self._rasterise(points, scale, rows).mask()

    def _rasterise(self, points: np.ndarray, scale: int, rows: int) -> raster.Coverage:
        return raster.rasterise(points * (SIDE * scale), self._triangles, (rows * scale, SIDE * scale))

    def _inside_loops(self, points: np.ndarray, covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mouth's and the eyes' openings: inside their loops, where no skin lies in front."""
        mouth, eyes = np.zeros_like(covered, np.uint8), np.zeros_like(covered, np.uint8)
        _fill(mouth, points[self._rules["mouth_loop"]])
        for loop in self._eye_loops:
            _fill(eyes, points[loop])
        free = (covered == 0).astype(np.uint8)
        return mouth * free, eyes * free

    def _face(self, source: np.ndarray, target: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """float32 (H, W): 1 within the face before and after, falling to 0 outside its hull: necks and hair stay."""
        points = np.concatenate([mesh[self._rules["landmarks"]] for mesh in (source, target)])
        forehead = points[:68][17:27] - np.array([0, FOREHEAD], np.float32)
        hull = cv2.convexHull(np.concatenate([points, forehead]).astype(np.float32))[:, 0]
        inside = np.zeros(shape, np.uint8)
        center = hull.mean(axis=0)
        _fill(inside, (hull - center) * GROWN + center)
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3) * (1 / (FADE * shape[1] / SIDE))
        part = np.clip(distance, 0, 1)
        return part * part * (3 - 2 * part)

    def texture(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """(V, 2), where each vertex takes its colour in the source picture: its own place, but inner lips from the lip
        beside them, lid rims from the lashes' edge, and the lips' contact line, once the lips part, from further out."""
        rules, place = self._rules, source.copy()
        share = np.linspace(0, 1, 40)
        edge = {lip: np.interp(share, rules[f"{lip}_along"], target[rules[f"{lip}_inner"], 1]) for lip in ("upper", "lower")}
        gap = np.clip(edge["lower"] - edge["upper"], 0, None)
        for lip in ("upper", "lower"):
            inner = source[rules[f"{lip}_inner"]]
            outward = _smoothed(source[rules[f"{lip}_outer"]] - inner)
            near = rules[f"{lip}_hidden_near"]
            place[rules[f"{lip}_hidden"]] = inner[near] + outward[near] * rules[f"{lip}_hidden_share"][:, None]
            near = rules[f"{lip}_lip_near"]
            parted = np.clip(np.interp(rules[f"{lip}_along"][near], share, gap) / LIPS_APART, 0, 1)
            place[rules[f"{lip}_lip"]] += outward[near] * (rules[f"{lip}_lip_share"] * parted)[:, None]
        for loop, mine in zip(self._eye_loops, self._rims, strict=True):
            edge = source[rules["rim_near"][mine]]
            outward = edge - source[loop].mean(axis=0)
            length = np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
            place[rules["rim"][mine]] = edge + outward * (LID_EDGE / length)
            outward = source[loop] - source[loop].mean(axis=0)
            length = np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
            place[loop] += outward * (LID_EDGE * _closing(source[loop], target[loop]) / length)
        return place


def _closing(before: np.ndarray, after: np.ndarray) -> float:
    """In [0, 1], how much of its area a loop (n, 2) loses; small losses count less than in proportion."""
    areas = [abs(cv2.contourArea(loop.astype(np.float32))) for loop in (before, after)]
    lost = float(np.clip(1 - areas[1] / max(areas[0], 1e-9), 0, 1))
    return lost * lost


def _fill(mask: np.ndarray, loop: np.ndarray) -> None:
    cv2.fillPoly(mask, [np.round((loop * mask.shape[1] - 0.5) * 16).astype(np.int32)], 1, shift=4)


def _softened(opening: np.ndarray, thin: tuple[int, ...]) -> np.ndarray:
    """An opening, uint8 (H, W), with soft edges, fading where it is no higher than these rows of a field of scale 1."""
    result = np.zeros(opening.shape, np.float32)
    for x, y, width, height in boxes(opening):
        box = np.s_[max(y - 4, 0) : y + height + 4, max(x - 4, 0) : x + width + 4]
        for rows in thin:
            kernel = np.ones((1 + (rows - 1) * (opening.shape[1] // SIDE), 1), np.uint8)
            result[box] += cv2.morphologyEx(opening[box], cv2.MORPH_OPEN, kernel) * np.float32(1 / len(thin))
    x, y, width, height = cv2.boundingRect(opening)
    around = np.s_[max(y - 12, 0) : y + height + 12, max(x - 12, 0) : x + width + 12]
    if width:  # elsewhere all is 0
        result[around] = cv2.GaussianBlur(np.minimum(result[around], 1), (0, 0), SOFTNESS)
    return result


def _smoothed(offsets: np.ndarray) -> np.ndarray:
    """(n, 2), a running mean of seven along the lip."""
    padded = np.pad(offsets, ((3, 3), (0, 0)), mode="edge").astype(np.float32)
    return cv2.blur(padded, (1, 7))[3:-3]


def _steps(flow: np.ndarray) -> np.ndarray:
    square = np.ones((3, 3), np.uint8)
    spans = [cv2.dilate(plane, square) - cv2.erode(plane, square) for plane in flow]
    return (cv2.max(*spans) > STEP).astype(np.uint8)


def _settled(flow: np.ndarray) -> np.ndarray:
    """(2, H, W), exactly 0 where the motion is too small to be seen, so that such pixels stay the photo's own."""
    low, high = (pixels / SIDE for pixels in STILL)
    length = cv2.magnitude(flow[0], flow[1])
    settled: np.ndarray = flow * np.clip((length - low) * (1 / (high - low)), 0, 1)
    return settled


def sample(
    picture: np.ndarray, place: np.ndarray, method: int = cv2.INTER_CUBIC, border: int = cv2.BORDER_REFLECT_101
) -> np.ndarray:
    """`picture` at `place` (h, w, 2): x and y counted from pixel centres."""
    x, y = (np.ascontiguousarray(place[..., i], np.float32) for i in (0, 1))  # OpenCV 5 misreads an empty second map
    return cv2.remap(picture, x, y, method, borderMode=border)


def continued(values: np.ndarray, known: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """A copy of values (H, W, C), treated as `continue_into` does."""
    result = values.copy()
    continue_into(result, known, holes)
    return result


def continue_into(values: np.ndarray, known: np.ndarray, holes: np.ndarray) -> None:
    """Values (H, W, C), known where the mask `known` is 1, carried on into `holes` from the nearest known places, so that the
    blurred edges of openings never mix with nothing."""
    for x, y, width, height in boxes(holes):
        box = np.s_[max(y - 9, 0) : y + height + 9, max(x - 9, 0) : x + width + 9]
        filled, todo = np.ascontiguousarray(values[box]), known[box] == 0
        for _ in range(FROM_ABOVE):
            found = todo[1:] & ~todo[:-1]
            filled[1:][found] = filled[:-1][found]
            todo[1:] &= ~found
        weight = (~todo).astype(np.float32)
        part = filled * weight[..., None]
        for radius in (1, 4, 16, 64):
            if not todo.any():
                break
            size = (2 * radius + 1, 2 * radius + 1)
            amount = cv2.blur(weight, size)
            found = todo & (amount > 1e-3)
            filled[found] = cv2.blur(part, size).reshape(part.shape)[found] / amount[found][:, None]
            todo &= ~found
        values[box] = filled


def boxes(mask: np.ndarray) -> list[tuple[int, int, int, int]]:
    """The bounding boxes of the connected parts of a mask."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [(int(x), int(y), int(w), int(h)) for x, y, w, h in map(cv2.boundingRect, contours)]


def _depth(covered: np.ndarray, mouth: np.ndarray, eyes: np.ndarray, scale: int) -> np.ndarray:
    """(H, W) in [0, 1]: 1 from `RIM` inside the mesh's outer border on, 0 outside it; openings count as inside."""
    solid = (covered > 0).astype(np.uint8) | mouth | eyes
    solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    distance = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    return np.clip(distance * (1 / (RIM * scale)), 0, 1)


def _membrane(flow: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """The mesh's flow (2, H, W) on a coarse grid, continued where there is no mesh: (lap - DECAY) u = 0, by Jacobi sweeps; it
    has faded out at `REACH`."""
    height, width = covered.shape
    cells = (SIDE // CELL, round(SIDE * height / width) // CELL)
    amount = cv2.resize(covered, cells, interpolation=cv2.INTER_AREA)
    known = amount > 0.3
    distance = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3)
    fade = np.clip(1 - (distance - 1) * (CELL / REACH), 0, 1)
    free, share = (~known).astype(np.float32), np.where(known, 1 / np.maximum(amount, 0.3), 0).astype(np.float32)
    kernel = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / np.float32(4 + DECAY)
    rows = cells[1]
    fixed = np.zeros((2 * rows + 1, cells[0]), np.float32)  # x, then y, with a row between them that stays 0
    beneath = np.zeros_like(fixed)
    for plane, top in zip(flow, (0, rows + 1), strict=True):
        fixed[top : top + rows] = cv2.resize(plane, cells, interpolation=cv2.INTER_AREA) * share  # 0 where there is no mesh
        beneath[top : top + rows] = free
    value = fixed
    for _ in range(SWEEPS):
        value = fixed + beneath * cv2.filter2D(value, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    result = np.empty_like(flow)
    for outside, top in zip(result, (0, rows + 1), strict=True):
        cv2.resize(value[top : top + rows] * fade, (width, height), dst=outside, interpolation=cv2.INTER_CUBIC)
    return result
