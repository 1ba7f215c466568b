"""An eye of the photo, taken apart once: sclera without iris, iris completed where a lid hides it, highlight, the shade of lids
and lashes. `mimica.engines.ganimation.fast.gaze` puts it together again with the iris elsewhere.

Lengths without another unit are eye widths. Patches are float32 (h, w, 3), 0 to 255; places in them are counted from pixel
centres."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.ganimation.fast.depth import smoothstep
from mimica.face.gaze import IRIS, find_iris

REACH = (0.75, 0.52)
"""Half the size of the patch."""
SCLERA = 1.15
"""From so many radii of the iris on the sclera is seen."""
DARK = 0.6
"""What is darker than this share of the sclera's light (its 70th percentile) is a lash or a shadow."""
TEXTURE = 1.35
"""Half the side of the iris' picture, in its radii."""
RINGS = 12
"""Rings of one colour a radius."""
HIGHLIGHT, HIGHLIGHT_SHARE = 38.0, 0.2
"""A highlight is so much brighter than its ring, and no larger than this share of the iris."""
LASHES = 0.11
"""So far from the lids their shade is kept."""
SHADE_LIMITS = (0.3, 1.25)
LIMBUS = 0.16
"""Softness of the iris' edge, in its radii."""
CATCH = 0.65
"""A highlight moves by so much of what the iris does: the cornea is rounder than the eyeball."""


@dataclass(frozen=True)
class Eye:
    """corner  x, y of the patch in its picture      centre, radius  of the iris, patch pixels      width  of the eye, pixels
    opening float32 (h, w), 1 between the lids       openness  height of the opening over the width
    sclera, shade (h, w, 3)      iris, glint  square textures, centred      rest  the eye put together with the photo's own gaze
    """

    corner: tuple[int, int]
    centre: np.ndarray
    radius: float
    width: float
    opening: np.ndarray
    openness: float
    sclera: np.ndarray
    iris: np.ndarray
    glint: np.ndarray
    rest: np.ndarray
    shade: np.ndarray

    @property
    def place(self) -> np.ndarray:
        """(2,), the iris in the picture, continuous pixels."""
        found: np.ndarray = self.centre + self.corner + 0.5
        return found

    @property
    def box(self) -> tuple[slice, slice]:
        """Of the patch in the picture."""
        (x, y), (height, width) = self.corner, self.opening.shape
        return np.s_[y : y + height, x : x + width]


def take_apart(image: np.ndarray, loop: np.ndarray, iris: np.ndarray, corners: np.ndarray) -> Eye | None:
    """image uint8 (H, W, 3); the edge of the lids (n, 2), a guess of the iris (2,), the corners (2, 2), continuous pixels. None
    for an eye that shows no white, or lies outside."""
    width = float(np.hypot(*(corners[1] - corners[0])))
    middle, reach = np.round(corners.mean(axis=0)), np.ceil(width * np.array(REACH))
    x0, y0 = np.maximum(middle - reach, 0).astype(int)
    x1, y1 = np.minimum(middle + reach, image.shape[1::-1]).astype(int)
    if x1 - x0 < 6 or y1 - y0 < 6:
        return None
    patch, offset = image[y0:y1, x0:x1].astype(np.float32), np.array([x0, y0]) + 0.5
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((loop - offset) * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    gray = cv2.cvtColor(image[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY).astype(np.float32)
    centre, radius = find_iris(gray, iris - offset, IRIS * width, (mask > 127).astype(np.float32))
    sclera = _sclera(patch, gray, mask, centre, radius, width)
    if sclera is None:
        return None
    opening = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.5, width * 0.012))
    texture, glint = _iris(patch, mask, centre, radius, width)
    across = (corners[1] - corners[0]) / width
    heights = (loop - corners.mean(axis=0)) @ np.array([-across[1], across[0]])
    parts = (centre, radius, sclera, texture, glint)
    rest = put_together(*parts, np.zeros(2))
    shade = _shade(patch, rest, mask, width)
    return Eye((int(x0), int(y0)), centre, radius, width, opening, float(np.ptp(heights) / width), *parts[2:], rest, shade)


def put_together(
    centre: np.ndarray, radius: float, sclera: np.ndarray, iris: np.ndarray, glint: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """The eyeball with its iris moved by `shift` (2,) pixels."""
    height, width = sclera.shape[:2]
    half, at = iris.shape[0] // 2, centre + shift
    place = np.array([[1.0, 0.0, at[0] - half], [0.0, 1.0, at[1] - half]])
    moved = cv2.warpAffine(iris, place, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    away = np.sqrt((x - np.float32(at[0])) ** 2 + (y - np.float32(at[1])) ** 2) / np.float32(radius)
    alpha = (1 - smoothstep((away - (1.04 - LIMBUS / 2)) / LIMBUS)).astype(np.float32)
    result: np.ndarray = sclera + alpha[..., None] * (moved - sclera)
    if glint.any():
        place[:, 2] = centre + CATCH * shift - half
        result += cv2.warpAffine(glint, place, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return result


def _eroded(mask: np.ndarray, pixels: float) -> np.ndarray:
    return cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=max(1, round(pixels)))


def _sclera(
    patch: np.ndarray, gray: np.ndarray, mask: np.ndarray, centre: np.ndarray, radius: float, width: float
) -> np.ndarray | None:
    """The white of the eye, carried on under the iris and the lids by blurs of growing width; None where too little is seen."""
    y, x = np.indices(mask.shape, np.float32)
    away = np.hypot(x - np.float32(centre[0]), y - np.float32(centre[1]))
    known = ((_eroded(mask, width * 0.02) > 127) & (away > SCLERA * radius)).astype(np.float32)
    if known.sum() > 8:
        known *= gray > DARK * np.percentile(gray[known > 0], 70)
    if known.sum() < 4:
        return None
    filled, todo = patch.copy(), known < 0.5
    for reach in (0.03, 0.06, 0.12, 0.25, 0.5, 1.0):
        values, amount = (cv2.GaussianBlur(p, (0, 0), width * reach) for p in (patch * known[..., None], known))
        found = todo & (amount > 0.02)
        filled[found] = values[found] / amount[found][:, None]
        todo &= ~found
    filled = np.where(known[..., None] > 0.5, patch, cv2.GaussianBlur(filled, (0, 0), width * 0.03))
    return cv2.GaussianBlur(filled, (0, 0), 0.5)


def _iris(patch: np.ndarray, mask: np.ndarray, centre: np.ndarray, radius: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """The iris' picture and its highlight's: what a lid hides is its mirror image, and where that is hidden too its ring's
    colour."""
    half = int(np.ceil(radius * TEXTURE))
    v, u = np.indices((2 * half + 1, 2 * half + 1), np.float32) - np.float32(half)
    at = (u + np.float32(centre[0]), v + np.float32(centre[1]))
    free = cv2.GaussianBlur(_eroded(mask, width * 0.03).astype(np.float32) / 255, (0, 0), max(0.6, width * 0.015))
    texture = cv2.remap(patch, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    seen = np.clip(cv2.remap(free, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), 0, 1)[..., None]
    from_middle = np.hypot(u, v) / np.float32(radius)
    ring = _rings(texture, seen[..., 0], from_middle)
    mirrored, seen_mirrored = texture[::-1], seen[::-1]
    whole = seen * texture + (1 - seen) * (seen_mirrored * mirrored + (1 - seen_mirrored) * ring)
    bright = ((texture - ring).mean(axis=2) > HIGHLIGHT) & (from_middle < 0.9) & (seen[..., 0] > 0.3)
    glint = np.zeros_like(whole)
    if 0 < bright.sum() < HIGHLIGHT_SHARE * (from_middle < 1).sum():
        spot = cv2.GaussianBlur(cv2.dilate(bright.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 0.7)[
            ..., None
        ]
        below = np.where(seen_mirrored > 0.5, np.minimum(mirrored, ring + 12), ring)
        clean = whole * (1 - spot) + below * spot
        whole, glint = clean, np.clip(whole - clean, 0, None) * spot
    return whole.astype(np.float32), glint.astype(np.float32)


def _rings(texture: np.ndarray, seen: np.ndarray, from_middle: np.ndarray) -> np.ndarray:
    """The iris as rings of one colour, the median of what is seen of each."""
    count = int(RINGS * TEXTURE * 1.42) + 1
    bins = np.clip((from_middle * RINGS).astype(int), 0, count - 1)
    colour = np.median(texture[seen > 0.5], axis=0) if (seen > 0.5).any() else texture.mean(axis=(0, 1))
    colours = np.zeros((count + 1, 3), np.float32)
    first = True
    for ring in range(count):
        chosen = (bins == ring) & (seen > 0.7)
        if chosen.sum() >= 3:
            colour = np.median(texture[chosen], axis=0)
            if first:
                colours[:ring], first = colour, False
        colours[ring] = colour
    colours[count] = colour
    place = np.clip(from_middle * RINGS - 0.5, 0, count - 1)
    low = place.astype(int)
    part = (place - low)[..., None]
    mixed: np.ndarray = colours[low] * (1 - part) + colours[low + 1] * part
    return mixed


def _shade(patch: np.ndarray, rest: np.ndarray, mask: np.ndarray, width: float) -> np.ndarray:
    """What lids and lashes do to the eyeball, a factor, near the lids."""
    inside = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 5)
    near = (1 - smoothstep(inside / (LASHES * width)))[..., None]
    ratio = np.clip((patch + 6) / (rest + 6), *SHADE_LIMITS).astype(np.float32)
    shade: np.ndarray = 1 + near * (cv2.GaussianBlur(ratio, (0, 0), max(0.4, 0.006 * width)) - 1)
    return shade.astype(np.float32)
