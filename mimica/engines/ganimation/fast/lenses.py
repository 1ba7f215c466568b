"""Lids that close behind glasses: the face is moved as if it wore none, and the rims are put back where they were.

What a rim hides of the lid above an eye is filled from beside it (A. Telea, "An image inpainting technique based on the fast
marching method", 2004) in the small crop, as it is skin, smooth and soon in motion; lids are drawn down over the eye from there.
Rims are found in the photo (`mimica.face.glasses`) and never move, so that the photo's own pixels lie over the result there."""

from __future__ import annotations

import cv2
import numpy as np

from mimica.engines.ganimation.fast.painter import Part, part_of
from mimica.engines.ganimation.fast.warp import SIDE
from mimica.face.align import invert, transform

RADIUS = 3
"""Pixels of the crop around a place that fill it."""
COVERED, EDGE = 0.006, 0.006
"""Shares of the side: so near a rim the photo is the rim's (its shadow and the lens' edge included), and over so much more it
passes into what lies behind."""
LASHES = 2
"""So far around an eye there are lashes."""
BORDER = 4
"""Pixels of a patch over which the filling fades out."""
Box = tuple[slice, slice]


def cover(away: np.ndarray) -> np.ndarray:
    """Distances from the nearest rim, shares of the side -> float32 in [0, 1], how much of a pixel is the rim's."""
    result: np.ndarray = np.clip(1 - (away - COVERED) * (1 / EDGE), 0, 1).astype(np.float32)
    return result


def filled(
    crop: np.ndarray, away: np.ndarray, opening: np.ndarray, corner: tuple[int, int], part: Part
) -> tuple[np.ndarray, np.ndarray]:
    """A patch of the crop, uint8 (rows, SIDE, 3), without rims, `away` as `cover` takes it and the `opening` between lids at any
    scale, of which nothing is taken -> uint8 (h, w, 3), and where it is to be used, float32 (h, w)."""
    patch, rim, eye = (part_of(picture, corner, part, 1) for picture in (crop, away, opening))
    share = cover(rim)
    holes = cv2.dilate((eye > 0.1).astype(np.uint8), np.ones((2 * LASHES + 1,) * 2, np.uint8))
    holes[share > 0.05] = 1
    plain = cv2.inpaint(np.ascontiguousarray(patch), holes, RADIUS, cv2.INPAINT_TELEA)
    ramps = [np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) / BORDER for n in share.shape]
    inside: np.ndarray = np.clip(np.outer(np.clip(ramps[0], 0, 1), np.clip(ramps[1], 0, 1)), 0, 1)
    return plain, (share * inside).astype(np.float32)


def laid_over(
    image: np.ndarray, picture: np.ndarray, share: np.ndarray, crop_from_window: np.ndarray, corner: tuple[int, int]
) -> Box:
    """Lays a patch of the crop, (h, w, 3), over the window, in place, as far as `share` (h, w) says -> the box touched."""
    box, matrix = _place(image.shape, share.shape, crop_from_window, corner, 1.0)
    size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    if min(size) > 0:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        four = np.dstack([picture.astype(np.float32), share])
        there = cv2.warpAffine(four, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
        colour = cv2.warpAffine(four[..., :3], matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        image[box] = np.rint(image[box] + there[..., 3:] * (colour - image[box])).astype(np.uint8)
    return box


def put_back(
    image: np.ndarray, photo: np.ndarray, away: np.ndarray, crop_from_window: np.ndarray, corner: tuple[int, int], part: Part
) -> None:
    """The rims of the photo's window over an image of it, in place, within a patch; `away` a map (rows * k, SIDE * k)."""
    k = away.shape[1] // SIDE
    x, y = corner[0] * k, corner[1] * k
    share = cover(away[y : y + part.height * k, x : x + part.width * k])
    box, matrix = _place(image.shape, share.shape, crop_from_window, corner, k)
    size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    if min(size) > 0 and share.any():
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        there = cv2.warpAffine(share, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)[..., None]
        mixed = image[box] + there * (photo[box].astype(np.float32) - image[box])
        image[box] = np.rint(mixed).astype(np.uint8)


def _place(
    window: tuple[int, ...], patch: tuple[int, ...], crop_from_window: np.ndarray, corner: tuple[int, int], scale: float
) -> tuple[Box, np.ndarray]:
    """The box of the window around a patch at `scale` pixels per pixel of the crop, and the matrix from the box' pixels to the
    patch's."""
    height, width = patch[0] / scale, patch[1] / scale
    x, y = corner
    ends = np.array([[x, y], [x + width, y], [x, y + height], [x + width, y + height]]) / SIDE
    places = transform(ends, invert(crop_from_window))
    x0, y0 = np.maximum(np.floor(places.min(axis=0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(places.max(axis=0)).astype(int), window[1::-1])
    linear = crop_from_window[:, :2] * (SIDE * scale)
    start = crop_from_window[:, 2] * (SIDE * scale) - np.array(corner) * scale + linear @ (np.array([x0, y0]) + 0.5) - 0.5
    return np.s_[int(y0) : max(int(y0), int(y1)), int(x0) : max(int(x0), int(x1))], np.column_stack([linear, start])
