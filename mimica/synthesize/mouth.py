"""What shows between parted lips: the rig's teeth, gums, tongue and socket, lit from before, darker with depth and below the
upper lip."""

from __future__ import annotations

import cv2
import numpy as np

from mimica.face.raster import Coverage, rasterise
from mimica.synthesize.layers import Layers
from mimica.synthesize.rig import normals

_PARTS = ("socket", "gums", "teeth")
_ALBEDO = np.array([[0.40, 0.19, 0.20], [0.76, 0.45, 0.46], [1.00, 0.93, 0.86]], np.float32)
"""RGB of each part, of white."""
_DARKEST = np.array([14, 7, 9], np.float32) / 200
_SOFTNESS = 0.9
"""Of the edges, canvas pixels of a crop of 480."""


def paint(layers: Layers, picture: np.ndarray, vertices: np.ndarray, places: np.ndarray, depth: np.ndarray) -> np.ndarray | None:
    """Paints the inside of the mouth into `picture`, float32 (H, W, 3), in place. Gives the mask of the opening, uint8 (H, W), or
    None where it is closed."""
    outline = layers.mouth_outline(places)
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) < 2 or len(columns) < 2 or _height(outline) < layers.unit:
        return None
    margin = round(6 * layers.unit) + 2
    height, width = picture.shape[:2]
    y0, y1 = max(rows[0] - margin, 0), min(rows[-1] + margin, height)
    x0, x1 = max(columns[0] - margin, 0), min(columns[-1] + margin, width)
    open_ = mask[y0:y1, x0:x1]
    colours = _colours(layers, vertices, places - np.array([x0, y0], np.float32), depth, open_)
    soft = cv2.GaussianBlur(open_.astype(np.float32), (0, 0), max(0.6, _SOFTNESS * layers.unit))[..., None]
    region = picture[y0:y1, x0:x1]
    region += (cv2.GaussianBlur(colours, (0, 0), max(0.5, layers.unit)) - region) * soft
    return mask


def _height(outline: np.ndarray) -> float:
    return float(outline[:, 1].max() - outline[:, 1].min())


def _colours(layers: Layers, vertices: np.ndarray, places: np.ndarray, depth: np.ndarray, open_: np.ndarray) -> np.ndarray:
    """float32 (h, w, 3)."""
    rig = layers.rig
    triangles = np.concatenate([rig.triangles[part] for part in _PARTS])
    part_of = np.repeat(np.arange(3), [len(rig.triangles[part]) for part in _PARTS])
    at = places[triangles]
    near = (at.max(axis=1) >= 0).all(axis=1) & (at.min(axis=1) <= open_.shape[::-1]).all(axis=1)
    triangles, part_of = triangles[near], part_of[near]
    order = np.argsort(depth[triangles].sum(axis=1), kind="stable")
    drawn = rasterise(places, triangles[order], open_.shape, front_only=False)
    facing = normals(vertices, triangles) @ layers.fit.turn.T.astype(np.float32)
    maps = drawn.interpolate(np.stack([facing[:, 1], facing[:, 2], depth]).astype(np.float32))
    part = _part_seen(drawn, triangles, part_of)
    soft = part < 2
    brightness = _brightness(layers, maps, soft, depth, open_)
    colours = _ALBEDO[part] * brightness[..., None] * layers.white
    colours[drawn.mask() == 0] = 0
    return np.maximum(colours, _DARKEST * layers.white)


def _part_seen(drawn: Coverage, triangles: np.ndarray, part_of: np.ndarray) -> np.ndarray:
    """int (h, w): which part each pixel shows, by the part of its nearest triangle's first corner."""
    of_vertex = np.zeros(triangles.max() + 1 if len(triangles) else 1, np.int64)
    of_vertex[triangles.ravel()] = np.repeat(part_of, 3)
    seen = np.zeros(drawn.shape, np.int64)
    seen.ravel()[drawn.pixels] = of_vertex[drawn.corners[0].take(drawn.faces)]
    return seen


def _brightness(layers: Layers, maps: np.ndarray, soft: np.ndarray, depth: np.ndarray, open_: np.ndarray) -> np.ndarray:
    """float32 (h, w): light from before, less with depth behind the lips, in the shadow of the upper lip and at the borders."""
    up, front, z = maps
    eye_distance = layers.fit.canvas.eye_distance
    front = np.clip(front, 0, 1)
    teeth = np.clip(0.35 + 0.75 * front + 0.10 * up, 0.2, 1.15)
    flesh = np.clip(0.62 + 0.40 * front + 0.20 * up, 0.4, 1.1)  # light goes about within it
    behind = np.clip(depth[layers.rig.landmarks[[51, 57]]].mean() - 0.3 - z, 0, None)
    hidden = np.exp(-np.clip(behind - 0.7, 0, None) / np.where(soft, 4.2, 3.2))
    below = np.arange(len(open_))[:, None] - np.where(open_.any(axis=0), open_.argmax(axis=0), 0)
    lip = 0.62 + 0.38 * np.clip(below / (0.06 * eye_distance), 0, 1)
    border = 0.75 + 0.25 * np.clip(cv2.distanceTransform(open_, cv2.DIST_L2, 3) / (0.02 * eye_distance), 0, 1)
    back = np.where(soft, 0.62 + 0.42 * np.clip(below / max(1, int(open_.any(axis=1).sum())), 0, 1), 1.0)
    result: np.ndarray = (np.where(soft, flesh, teeth) * hidden * lip * border * back).astype(np.float32)
    return result
