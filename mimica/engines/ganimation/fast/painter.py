"""Painting what no warp can show: the inside of the mouth, the eyeballs that lids uncover, folds of lips and lids.

Three patches of the face are put together from the warped patch W, the patch of the photo itself S (eyeballs and upper
teeth do not move), the opening alpha between the lips or lids, and a drawing D of what may lie behind: teeth, gums and
tongue (the inner mouth's mesh, rasterised and shaded), or the eyeball continued under the lids. A small network looks at
all of them and gives the attention A, the colour C, a log gain g and the photo's share w:

    A * ((1 - alpha) * e^g * W + alpha * (w * S + (1 - w) * e^g * D)) + (1 - A) * C

which is I_out = A * warp + (1 - A) * C of GANimation (Pumarola et al. 2018) with everything smooth in the network's hands
and everything sharp (skin, teeth, edges) at the resolution of the photo or of the drawing. A network that gives zeros leaves
A near 1, g = 0 and w = 1 where the photo itself shows the inside. The result is handed on as the three maps of `Paint`,
linear in W and S, so that W and S may be sampled at any resolution.

The network works on the tight crop at `SIDE` pixels; all other maps may be finer, by a whole factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mimica.engines.ganimation.fast.warp import SIDE, Field, continued
from mimica.face import raster
from mimica.model_files.onnx_session import open_session

FEATHER = 5
"""Pixels over which a patch fades out at its border."""
DARK = (0.055, 0.035, 0.04)
"""The back of the mouth, as a share of the white of the teeth."""
AROUND = 10
"""Teeth and tongue are drawn up to so many pixels beside an opening: what lies further behind the lips hardly tells the network
anything."""
LIP_SHADOW, LIP_SHADOW_LENGTH = 0.38, 4.3
"""How much light the upper lip takes from the teeth right below it, and after how many pixels none."""


@dataclass(frozen=True)
class Part:
    """A patch: its network, its size, where the mean of its `landmarks` lies in it, and whether it is a mirror image of what
    the network knows (the eye at the right of the picture)."""

    network: str
    width: int
    height: int
    center: tuple[int, int]
    landmarks: tuple[int, int]
    mirrored: bool = False

    def corner(self, landmarks: np.ndarray, rows: int = SIDE) -> tuple[int, int]:
        """Landmarks (68, 2) in shares of the side -> the patch's upper left corner, pixels, so that it lies within the
        (rows, SIDE) pixels of a field of scale 1."""
        x, y = np.rint(landmarks[slice(*self.landmarks)].mean(axis=0) * SIDE).astype(int) - self.center
        return int(np.clip(x, 0, SIDE - self.width)), int(np.clip(y, 0, rows - self.height))


PARTS = {
    "mouth": Part("mouth", 112, 96, (56, 32), (48, 68)),
    "eye_right": Part("eye", 64, 48, (32, 26), (36, 42)),
    "eye_left": Part("eye", 64, 48, (32, 26), (42, 48), mirrored=True),
}
"""Right and left are the subject's; the right eye is at the left of the picture."""


@dataclass(frozen=True)
class PatchInputs:
    """What the network sees, all at scale 1: `pictures` float32 (11, h, w) in [0, 1] (W, S, D, alpha after, alpha before), as a
    mirror shows them for a mirrored part, and `condition` (Q,)."""

    pictures: np.ndarray
    condition: np.ndarray


@dataclass(frozen=True)
class Paint:
    """result = warped * W + still * S + color: `factors` float32 (h * m, w * m, 4) hold `warped` and a 1, `added`, as large,
    `color` and `still`, since vectors of four are the fastest; `corner` in pixels of the crop at `SIDE`, `scale` m; colours
    0..255. `attention` (h * m, w * m) is what remains of the photo."""

    corner: tuple[int, int]
    scale: int
    factors: np.ndarray
    added: np.ndarray
    attention: np.ndarray

    @property
    def warped(self) -> np.ndarray:
        return self.factors[..., :3]

    @property
    def still(self) -> np.ndarray:
        return self.added[..., 3]

    @property
    def color(self) -> np.ndarray:
        return self.added[..., :3]


def part_of(picture: np.ndarray, corner: tuple[int, int], part: Part, scale: int) -> np.ndarray:
    """The patch of a map (k * rows, k * SIDE, ...), at `scale` pixels per pixel of the crop."""
    k = picture.shape[1] // SIDE
    x, y = corner[0] * k, corner[1] * k
    region = picture[y : y + part.height * k, x : x + part.width * k]
    return resized(region, part, scale)


def resized(region: np.ndarray, part: Part, scale: int) -> np.ndarray:
    """A patch at another scale."""
    size = (part.width * scale, part.height * scale)
    if region.shape[1] == size[0]:
        return region
    return cv2.resize(region, size, interpolation=cv2.INTER_AREA if region.shape[1] > size[0] else cv2.INTER_LINEAR)


def draw_mouth(
    inner: np.ndarray,
    topology: Mapping[str, np.ndarray],
    white: np.ndarray,
    corner: tuple[int, int],
    opening: np.ndarray,
    scale: int,
) -> np.ndarray:
    """The inner mouth's vertices (n, 2), shares of the side, and the opening of the patch (h * scale, w * scale) -> a drawing
    of what is behind it, float32 (h * scale, w * scale, 3), 0..255: lit from the front, with the upper lip's shadow."""
    points = (inner * SIDE - corner) * scale
    triangles = _within(topology["inner_triangles"], points, opening, AROUND * scale)
    cover = raster.rasterise(points, triangles, opening.shape, front_only=False)
    below_lip = np.cumsum(opening, axis=0, dtype=np.float32)
    shadow = 1 - LIP_SHADOW * (1 - np.clip(below_lip * (1 / (scale * LIP_SHADOW_LENGTH)), 0, 1))
    light = shadow * (0.75 + 0.25 * np.clip(cv2.blur(opening, (2 * scale + 1, 2 * scale + 1)) * 2 - 1, 0, 1))
    drawing = np.empty((3, *cover.shape), np.float32)
    for plane, color, dark, full in zip(drawing, topology["inner_color"].T, DARK, white, strict=True):
        plane[...] = dark * full
        plane.ravel()[cover.pixels] = cover.at_pixels(color * full)
    return cv2.multiply(cv2.GaussianBlur(cv2.merge([*drawing]), (0, 0), 0.3 * scale), cv2.merge([light] * 3))


def _within(triangles: np.ndarray, points: np.ndarray, opening: np.ndarray, around: float) -> np.ndarray:
    """The triangles (T, 3) near the opening (h, w), in whose pixels the points (V, 2) are; all of them where it is closed."""
    left, top, width, height = cv2.boundingRect((opening > 0).astype(np.uint8))
    if not width:
        return triangles
    x, y = (np.ascontiguousarray(part).take(triangles.T) for part in points.T)
    near = (x.max(axis=0) >= left - around) & (x.min(axis=0) <= left + width + around)
    near &= (y.max(axis=0) >= top - around) & (y.min(axis=0) <= top + height + around)
    found: np.ndarray = triangles[near]
    return found


def draw_eye(still: np.ndarray, opening: np.ndarray) -> np.ndarray:
    """The photo's patch (h, w, 3) and the opening between its lids -> float32 (h, w, 3): the eyeball, continued under the
    lids; the patch itself where the eye is closed."""
    known = (opening > 0.9).astype(np.float32)
    patch = still.astype(np.float32)
    return continued(patch, known, np.ones_like(known)) if known.any() else patch


def patch_inputs(
    part: Part,
    corner: tuple[int, int],
    crop: np.ndarray,
    field: Field,
    openings: tuple[np.ndarray, np.ndarray],
    drawing: np.ndarray,
    condition: np.ndarray,
) -> PatchInputs:
    """`crop`: the photo's tight crop, uint8 (rows, SIDE, 3); `openings` before and after, maps of any scale; `drawing` of the
    patch, 0..255, at any scale."""
    x, y = cv2.split(part_of(field.flow, corner, part, 1) * np.float32(SIDE))
    x += np.arange(corner[0], corner[0] + part.width, dtype=np.float32)
    y += np.arange(corner[1], corner[1] + part.height, dtype=np.float32)[:, None]
    warped = cv2.remap(crop, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    warped = cv2.multiply(warped, cv2.exp(part_of(field.gain, corner, part, 1)), dtype=cv2.CV_32F)
    pictures = np.empty((11, part.height, part.width), np.float32)
    for at, picture in enumerate((np.minimum(warped, 255), part_of(crop, corner, part, 1), resized(drawing, part, 1))):
        pictures[3 * at : 3 * at + 3] = cv2.split(picture)
    pictures[:9] *= np.float32(1 / 255)
    pictures[9], pictures[10] = (part_of(opening, corner, part, 1) for opening in openings[::-1])
    return PatchInputs(pictures[..., ::-1] if part.mirrored else pictures, condition)


def condition_of(part: Part, landmarks: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """What the network is told besides pictures: the Action Units (34,) before and after (sides swapped for a mirrored
    patch), and for the mouth where the landmarks lie around its centre."""
    if part.mirrored:
        source, target = np.roll(source, len(source) // 2), np.roll(target, len(target) // 2)
    told = [source, target]
    if part.network == "mouth":
        told.append(((landmarks - landmarks[slice(*part.landmarks)].mean(axis=0)) * 5).reshape(-1))
    return np.concatenate(told).astype(np.float32)


MAPS = 8
"""A, w, g (3), C (3): see `Painter`."""


class Painter:
    """The networks, as ONNX: `pictures` (1, 11, h, w), `condition` (1, Q) -> (1, 8, h, w): A, w, g (3), C (3). They are so small
    that a second thread gains nothing, and videos render two frames at once."""

    def __init__(self, networks: Mapping[str, bytes], threads: int = 1):
        self._sessions = {
            name: open_session(data, threads, f"The file of weights, painter.{name},") for name, data in networks.items()
        }

    def outputs(self, part: Part, inputs: PatchInputs) -> np.ndarray:
        """float32 (8, h, w)."""
        pictures = np.ascontiguousarray(inputs.pictures[None], np.float32)
        feed = {"pictures": pictures, "condition": inputs.condition[None]}
        maps = self._sessions[part.network].run(feed, (1, MAPS, *pictures.shape[2:]))[0][0]
        return np.ascontiguousarray(maps[:, :, ::-1]) if part.mirrored else maps


def composed(
    part: Part,
    corner: tuple[int, int],
    maps: np.ndarray,
    opening: np.ndarray,
    drawing: np.ndarray,
    scale: int,
    strength: float | np.ndarray,
) -> Paint:
    """The network's maps (8, h, w), the opening after and the drawing -> `Paint` at `scale`; `strength` in [0, 1], a number or
    a map at `scale`, fades all of it in."""
    attention, share = maps[0], maps[1]
    smooth = np.empty((11, *attention.shape), np.float32)  # products of the network's maps, at its own scale
    cv2.exp(maps[2:5].reshape(-1, maps.shape[2]), smooth[:3].reshape(-1, maps.shape[2]))
    smooth[:3] *= attention  # light of what is warped
    smooth[3:6] = smooth[:3] * (1 - share)  # light of what is drawn
    smooth[6:9] = maps[5:8] * (255 * (1 - attention))  # colour
    smooth[9], smooth[10] = attention, attention * share
    if scale > 1:
        smooth, small = np.empty((11, part.height * scale, part.width * scale), np.float32), smooth
        for plane, coarse in zip(smooth, small, strict=True):
            cv2.resize(coarse, plane.shape[::-1], dst=plane, interpolation=cv2.INTER_LINEAR)
    alpha, fade = part_of(opening, corner, part, scale), strength * _feather(part, scale)
    warped = smooth[:3] * (1 - alpha)
    still = smooth[10] * alpha
    attention_map = 1 + fade * (smooth[9] * (1 - alpha) + still - 1)
    warped -= 1
    warped *= fade
    warped += 1
    painted = smooth[3:6]
    painted *= alpha
    painted *= np.stack(cv2.split(resized(drawing, part, scale)))
    painted += smooth[6:9]
    painted *= fade
    factors, added = cv2.merge([*warped, np.ones_like(alpha)]), cv2.merge([*painted, fade * still])
    return Paint(corner, scale, factors, added, attention_map)


@lru_cache
def _feather(part: Part, scale: int) -> np.ndarray:
    ramps = []
    for length in (part.height, part.width):
        place = (np.arange(length * scale, dtype=np.float32) + 0.5) / scale
        ramps.append(np.clip(np.minimum(place, length - place) / FEATHER, 0, 1))
    return np.outer(*ramps).astype(np.float32)
