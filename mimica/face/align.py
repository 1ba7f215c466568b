"""Cutting a face out of its photo and putting it back: similarity transforms, both ways.

A matrix is float64 (2, 3) and named by its direction, `crop_from_photo @ (x, y, 1)`. Points are continuous pixels (pixel i
spans i..i+1). Landmarks are the 68 of iBUG. The canonical crops:

tight   eye midpoint at (0.5, 0.42) of the crop, distance of the eye centres 0.30 of its side, eyes level
ffhq    T. Karras, S. Laine, T. Aila, "A style-based generator architecture for generative adversarial networks" (2019),
        appendix C: side 2 max(2.0 |eye to eye|, 1.8 |eye to mouth|), centre 0.1 eye to mouth below the eye midpoint

An eye centre is the mean of the eye's two corners.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from mimica.errors import NoFaceError

EYE_CORNERS = ((36, 39), (42, 45))
"""iBUG numbers; the eye at the left of the picture first."""
MOUTH_CORNERS = (48, 54)

LARGEST_BLEND = 16_000_000
"""Pixels that are blended at once."""

TIGHT_EYES = (0.5, 0.42)
TIGHT_EYE_DISTANCE = 0.30


def eye_centres(landmarks: np.ndarray) -> np.ndarray:
    """(68, 2) -> float64 (2, 2): the eye at the left of the picture, then the right one."""
    points = np.asarray(landmarks, np.float64)
    return np.stack([points[list(corners)].mean(axis=0) for corners in EYE_CORNERS])


def crop_from_photo(landmarks_photo: np.ndarray, size: int, kind: Literal["tight", "ffhq"] = "tight") -> np.ndarray:
    """The matrix that takes the photo to the square crop of `size` pixels. Raises `NoFaceError` for unusable landmarks."""
    left, right = eye_centres(landmarks_photo)
    eye_to_eye, eyes = right - left, (left + right) / 2
    if not np.hypot(*eye_to_eye) > 1e-6:
        raise NoFaceError("The landmarks put both eyes of a face at one point: it cannot be aligned; use a clearer photo.")
    if kind == "tight":
        scale = TIGHT_EYE_DISTANCE * size / np.hypot(*eye_to_eye)
        return _similarity(eye_to_eye, scale, eyes, np.multiply(TIGHT_EYES, size))
    eye_to_mouth = np.asarray(landmarks_photo, np.float64)[list(MOUTH_CORNERS)].mean(axis=0) - eyes
    axis = eye_to_eye - np.array([-eye_to_mouth[1], eye_to_mouth[0]])
    side = 2 * max(2.0 * np.hypot(*eye_to_eye), 1.8 * np.hypot(*eye_to_mouth))
    return _similarity(axis, size / side, eyes + 0.1 * eye_to_mouth, np.array([size / 2, size / 2]))


def _similarity(axis: np.ndarray, scale: float, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Turns `axis` level, scales, and takes the point `source` to `target`."""
    cosine, sine = axis / np.hypot(*axis)
    linear = scale * np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([linear, target - linear @ source])


def invert(matrix: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix of the opposite direction."""
    (a, b, x), (c, d, y) = np.asarray(matrix, np.float64).tolist()
    e, f, g, h = d / (a * d - b * c), b / (b * c - a * d), c / (b * c - a * d), a / (a * d - b * c)
    return np.array([[e, f, -e * x - f * y], [g, h, -g * x - h * y]])  # by hand: a frame needs a dozen


def transform(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(..., 2) points through the matrix, float64."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


# --- pixels ---------------------------------------------------------------------------------------------------------


def cut(photo: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The crop, uint8 (size, size, 3), where `matrix` is crop_from_photo. Smoothed before it is shrunk; beyond its border
    the photo is mirrored. Only the part of the photo that is needed is touched."""
    x0, y0, x1, y1 = _bounds(invert(matrix), size, size, margin=_reach(matrix))
    region = _mirrored_region(photo, x0, y0, x1, y1)
    return _warp(region, _after_shift(matrix, x0, y0), size, size)


def paste(photo: np.ndarray, crop: np.ndarray, mask: np.ndarray, crop_from_photo: np.ndarray) -> np.ndarray:
    """A copy of `photo` with the crop over it: see `paste_into`."""
    result = photo.copy()
    paste_into(result, crop, mask, crop_from_photo)
    return result


def paste_into(result: np.ndarray, crop: np.ndarray, mask: np.ndarray, crop_from_photo: np.ndarray) -> None:
    """Writes into a photo `crop` (uint8, h x w x 3) where `mask` (float32, h x w, [0, 1]) says so. Pixels that the mask does not
    reach stay, bit for bit; where the crop is a window of the photo (a whole-pixel shift at scale 1), pixels of mask 1 are the
    crop's, bit for bit."""
    height, width = mask.shape
    photo_from_crop = invert(crop_from_photo)
    x0, y0, x1, y1 = reach(crop_from_photo, mask.shape)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, result.shape[1]), min(y1, result.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    left, top = np.round(photo_from_crop[:, 2])
    if np.allclose(photo_from_crop, [[1, 0, left], [0, 1, top]], rtol=0, atol=1e-6):  # a window: nothing to resample
        x0, y0, x1, y1 = max(x0, int(left)), max(y0, int(top)), min(x1, int(left) + width), min(y1, int(top) + height)
        inside = np.s_[y0 - int(top) : y1 - int(top), x0 - int(left) : x1 - int(left)]
        pixels, weight = crop[inside], mask[inside]
        _blend(result[y0:y1, x0:x1], pixels, weight)
        return
    rows = max(64, LARGEST_BLEND // (x1 - x0))
    for top in range(y0, y1, rows):  # of a large photo in bands, as floats take four times the room
        bottom = min(y1, top + rows)
        here = photo_from_crop - [[0, 0, x0], [0, 0, top]]
        weight = _warp(mask, here, x1 - x0, bottom - top, outside_is_zero=True)
        _blend(result[top:bottom, x0:x1], _warp(crop, here, x1 - x0, bottom - top), weight)


def add_change(photo: np.ndarray, change: np.ndarray, weight: np.ndarray, crop_from_photo: np.ndarray) -> np.ndarray:
    """A copy of `photo` to which `change` (float32, h x w x 3, levels), times `weight` (float32, h x w), is added; pixels where
    that rounds to nothing are the photo's, bit for bit."""
    result = photo.copy()
    x0, y0, x1, y1 = reach(crop_from_photo, weight.shape)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, photo.shape[1]), min(y1, photo.shape[0])
    if x0 < x1 and y0 < y1:
        here = invert(crop_from_photo) - [[0, 0, x0], [0, 0, y0]]
        added = _warp(change * weight[:, :, None], here, x1 - x0, y1 - y0, outside_is_zero=True)
        region = result[y0:y1, x0:x1]
        region[...] = np.rint(np.clip(region + added, 0, 255)).astype(np.uint8)
    return result


def mask_in_photo(mask: np.ndarray, crop_from_photo: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A crop's mask, float32 (h, w), as it lies in a photo of `shape` (H, W, ...): float32 (H, W), 0 elsewhere."""
    return np.asarray(_warp(mask, invert(crop_from_photo), shape[1], shape[0], outside_is_zero=True))


def _blend(region: np.ndarray, pixels: np.ndarray, weight: np.ndarray) -> None:
    """Lays the pixels over the region, in place."""
    whole = (weight >= 1).view(np.uint8)
    if cv2.countNonZero(whole) == cv2.countNonZero(weight):  # nothing is half seen
        cv2.copyTo(np.ascontiguousarray(pixels), whole, region)
    else:
        region[...] = cv2.blendLinear(pixels, region, weight, 1 - weight)  # exact where the weight is 0 or 1


def feather(size: int | tuple[int, int], border: float) -> np.ndarray:
    """A mask, float32 (size, size) or (height, width): 0 in the outermost pixels, rising smoothly over `border` pixels to 1."""
    height, width = (size, size) if isinstance(size, int) else size
    return np.outer(_ramp(height, border), _ramp(width, border)).astype(np.float32)


def window_from_photo(
    landmarks_photo: np.ndarray, photo_shape: tuple[int, ...], margin: float = 0.0
) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1): the upright rectangle of whole pixels that contains the tight crop, grown on each side by `margin`
    (a share of the crop's side), clipped to the photo of shape (H, W, ...). Raises `NoFaceError` if nothing is left."""
    photo_from_crop = invert(crop_from_photo(landmarks_photo, 1))
    side = np.hypot(*photo_from_crop[:, 0])
    x0, y0, x1, y1 = _bounds(photo_from_crop, 1, 1, margin=margin * side)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, photo_shape[1]), min(y1, photo_shape[0])
    if x0 >= x1 or y0 >= y1:
        raise NoFaceError("A face lies wholly outside its photo: it cannot be cut out; use a photo that shows all of the face.")
    return x0, y0, x1, y1


def reach(crop_from_photo: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1): the photo's rectangle that `paste` may touch with a crop of `shape` (h, w, ...)."""
    return _bounds(invert(crop_from_photo), shape[1], shape[0], margin=1)


def _ramp(length: int, border: float) -> np.ndarray:
    inside = np.minimum(np.arange(length), np.arange(length)[::-1])
    t = np.clip(inside / border, 0, 1) if border > 0 else np.ones(length)
    return t * t * (3 - 2 * t)


def _bounds(matrix: np.ndarray, width: float, height: float, margin: float) -> tuple[int, int, int, int]:
    """The whole-pixel rectangle around the image of (0, 0, width, height), `margin` wider on each side."""
    corners = transform(np.array([[0, 0], [width, 0], [0, height], [width, height]]), matrix)
    low = np.floor(np.round(corners.min(axis=0) - margin, 6)).astype(int)
    high = np.ceil(np.round(corners.max(axis=0) + margin, 6)).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _reach(matrix: np.ndarray) -> float:
    """How far beyond its bounds a crop draws on the photo: two pixels (cubic), of the shrunk photo where it is shrunk."""
    return 2 + 2 / min(1.0, _scale(matrix))


def _scale(matrix: np.ndarray) -> float:
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def _after_shift(matrix: np.ndarray, x0: float, y0: float) -> np.ndarray:
    """The same transform for a picture whose origin is at (x0, y0) of the old one."""
    return np.column_stack([matrix[:, :2], transform(np.array([x0, y0]), matrix)])


def _mirrored_region(photo: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    """photo[y0:y1, x0:x1] of the photo that goes on, mirrored at its edges, for ever."""
    height, width = photo.shape[:2]
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        return photo[y0:y1, x0:x1]
    left, top, right, bottom = max(-x0, 0), max(-y0, 0), max(x1 - width, 0), max(y1 - height, 0)
    inside = photo[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    if max(left, right) <= inside.shape[1] and max(top, bottom) <= inside.shape[0]:
        return cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_REFLECT)
    rows, columns = _mirrored_index(y0, y1, height), _mirrored_index(x0, x1, width)  # the same, for any overhang, slower
    return photo[rows][:, columns]


def _mirrored_index(start: int, stop: int, length: int) -> np.ndarray:
    index = np.arange(start, stop) % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


def _warp(source: np.ndarray, matrix: np.ndarray, width: int, height: int, outside_is_zero: bool = False) -> np.ndarray:
    """`source` through `matrix`, (height, width): averaged over areas down to the target's scale first, then cubic for
    colours, or linear for a mask, which is zero outside. A whole-pixel shift copies the values as they are."""
    border = cv2.BORDER_CONSTANT if outside_is_zero else cv2.BORDER_REPLICATE
    source, matrix = _averaged(source, matrix)
    # cv2 counts from pixel centres: p_cv = p - 0.5 on both sides
    centred = np.column_stack([matrix[:, :2], transform(np.array([0.5, 0.5]), matrix) - 0.5])
    whole = np.round(centred)
    if np.allclose(centred, whole, rtol=0, atol=1e-6) and np.array_equal(whole[:, :2], np.eye(2)):
        centred, method = whole, cv2.INTER_NEAREST
    else:
        method = cv2.INTER_LINEAR if outside_is_zero else cv2.INTER_CUBIC
    return cv2.warpAffine(source, centred, (width, height), flags=method, borderMode=border)


def _averaged(source: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A source that `matrix` would shrink, averaged down to the target's scale, and what is left of the matrix."""
    scale = _scale(matrix)
    if scale >= 1:
        return source, matrix
    height, width = source.shape[:2]
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    source = cv2.resize(source, small, interpolation=cv2.INTER_AREA)
    return source, np.column_stack([matrix[:, :2] / (small[0] / width, small[1] / height), matrix[:, 2]])
