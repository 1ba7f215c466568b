"""Laying what a small network changed over a face in full resolution.

Networks that work at 64 or 128 pixels lose a photo's fine lines. What they change is still right: the difference of their two
pictures, before and after the edit, is enlarged and added to the photo. Where much changes, old lines would shine through; there
the photo's own fine lines are faded out (`GHOST`).

Where the network draws well enough (256 pixels), what moves between its two pictures is found by optical flow first, and the
photo's own pixels move along; only what is left then is added. So lips, lids and brows keep the photo's lines.

Pictures float32 (H, W, 3) of 0 to 255, masks float32 (H, W) in [0, 1].
"""

from __future__ import annotations

import cv2
import numpy as np

from mimica.pictures.pixels import check_finite

GHOST = 45.0
"""Levels of change at which the photo's fine lines have faded to 1/e."""
_SMOOTH, _HELPS = 0.012, 1.5
"""Blur of the flow, as a share of the side; levels by which moving must bring pictures nearer to be trusted whole."""
VISIBLE = (0.6, 3.0)
"""Levels of change: below the first the mask is 0, from the second on it is whole."""


def enlarged(small: np.ndarray, side: int) -> np.ndarray:
    """(h, h) or (h, h, C) -> (side, side) or (side, side, C), bicubic."""
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC))


def with_change(photo: np.ndarray, change: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) plus a change (H, W, 3) in levels, without old lines where much changes: float32 (H, W, 3)."""
    levels = photo.astype(np.float32)
    fine = levels - cv2.GaussianBlur(levels, (0, 0), len(photo) / 96)
    loss = 1 - np.exp(-np.square(np.abs(change).max(2, keepdims=True) / np.float32(GHOST)))
    picture: np.ndarray = levels + change - loss * fine
    return picture


def flow_between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where each pixel of `after` comes from in `before`, pictures (S, S, 3) in levels: float32 (S, S, 2), x and y, 0 where
    moving the first picture does not bring it nearer to the second. T. Kroeger et al., "Fast optical flow using dense inverse
    search" (ECCV 2016), smoothed."""
    grays = [cv2.cvtColor(to_pixels(one), cv2.COLOR_RGB2GRAY) for one in (after, before)]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found = dis.calc(grays[0], grays[1], np.zeros((*grays[0].shape, 2), np.float32))
    flow = cv2.GaussianBlur(found, (0, 0), _SMOOTH * len(before))
    still, left = (np.abs(after - one).mean(2) for one in (before, moved(before, flow)))
    helps = cv2.GaussianBlur((still - left).astype(np.float32), (0, 0), _SMOOTH * len(before))
    trust = np.clip(helps / _HELPS, 0, 1)
    return np.asarray(flow * trust[:, :, None])


def moved(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) whose pixel at p is that at p + `flow`, (H, W, 2); bicubic. Where the flow is 0 it is the same, bit for
    bit."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    taken = cv2.remap(picture, x + flow[:, :, 0], y + flow[:, :, 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.where((flow == 0).all(2, keepdims=True), picture, taken)


def with_motion(photo: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """uint8 (H, H, 3) changed as `before` becomes `after`, float32 (S, S, 3) in levels: float32 (H, H, 3). The photo's pixels
    move along, and what is left is added to them."""
    flow = flow_between(before, after)
    left = enlarged(after - moved(before, flow), len(photo))
    along = moved(photo, enlarged(flow, len(photo)) * np.float32(len(photo) / len(before)))
    return with_change(along, left)


def changed_mask(change: np.ndarray) -> np.ndarray:
    """Where a change (H, W, 3) in levels can be seen."""
    reach: np.ndarray = np.clip((np.abs(change).max(2) - VISIBLE[0]) / (VISIBLE[1] - VISIBLE[0]), 0, 1)
    return reach


def to_pixels(levels: np.ndarray) -> np.ndarray:
    """Float levels -> uint8. Raises `WeightsError` for what is not finite."""
    check_finite(levels)
    return np.asarray(np.rint(np.clip(levels, 0, 255)).astype(np.uint8))


def as_layers(weight: np.ndarray, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Named as GANimation names them: `attention` keeps the photo where it is 1; `picture` is uint8."""
    return {"attention": 1 - weight, "color": picture.astype(np.float32) / np.float32(255)}
