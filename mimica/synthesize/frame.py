"""A frame: the layers of a photo put together again with other shapes of the rig, and everything a label says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from mimica.synthesize import creases, light, mouth, units
from mimica.synthesize.layers import Layers
from mimica.synthesize.topology import SIDES

BACKGROUND, SKIN, EYES, MOUTH = range(4)
"""Classes of `Frame.classes`."""
_RIM_FADE, _REACH = 14.0, 42.0
"""Canvas pixels of a crop of 480: within the face's border the field fades to what it is outside, which dies away so far."""
_COARSE = 4
_STRETCHED, _STRETCH_RANGE = 1.5, 1.6
"""A lid's skin that covers so much more of the picture than in the photo came out of the fold; wholly after the second more."""
_LIPS_APART = 0.05
"""Eye distances of opening at which lips' rims are turned out wholly."""


@dataclass(frozen=True)
class Frame:
    """image      uint8 (S, S, 3), the tight crop
    units         the 34 sided Action Units that it shows, [0, 1]
    landmarks     float32 (68, 2), pixels of the image
    mesh          float32 (face, 3): x and y in pixels of the image, z in the same unit, larger is nearer
    classes       uint8 (S, S): BACKGROUND, SKIN, EYES, MOUTH
    flow          float32 (S, S, 2): where in the photo's own crop each pixel comes from, less where it is
    lip_gap       between the lips, in eye distances
    """

    image: np.ndarray
    units: Mapping[str, float]
    landmarks: np.ndarray
    mesh: np.ndarray
    classes: np.ndarray
    flow: np.ndarray
    lip_gap: float


def render(layers: Layers, wanted: Mapping[str, float], size: int) -> Frame:
    """The face with sided Action Units `wanted`, those that are not named at rest; a crop of `size` pixels."""
    weights = units.weights(wanted)
    rig, fit = layers.rig, layers.fit
    vertices = rig.shaped(fit.base, weights)
    places, depth = fit.project(vertices)
    _close_lids(layers, places, weights)
    texture, gap = _texture(layers, places)
    maps, covered = _maps(layers, vertices, places, depth, texture)
    flow, inside = _field(layers, maps, covered)
    picture = _relit(layers, _warped(layers, flow), maps, inside, layers.creases.change(wanted))
    _press(layers, picture, maps[7], weights)
    eyes = _set_eyes(layers, picture, places, covered)
    opened = mouth.paint(layers, picture, vertices, places, depth)
    return Frame(
        image=_cropped(layers, np.clip(picture, 0, 255).astype(np.uint8), size),
        units=units.shown(wanted, weights, gap),
        landmarks=_in_crop(layers, places[rig.landmarks], size),
        mesh=np.column_stack(
            [_in_crop(layers, places[: rig.face], size), depth[: rig.face] * fit.scale * size / fit.canvas.side]
        ),
        classes=_classes(layers, covered, eyes, opened, size),
        flow=_cropped(layers, flow, size) * np.float32(size / fit.canvas.side),
        lip_gap=gap,
    )


def original(layers: Layers, seen: Mapping[str, float], size: int) -> Frame:
    """The photo itself with what was read of it."""
    fit, rig = layers.fit, layers.rig
    places, depth = fit.project(layers.vertices)
    covered = layers.drawn(places, depth).mask()
    eyes = _mask(layers, [layers.outline(places, side) for side in SIDES])
    return Frame(
        image=_cropped(layers, layers.picture, size),
        units=dict(seen),
        landmarks=_in_crop(layers, places[rig.landmarks], size),
        mesh=np.column_stack(
            [_in_crop(layers, places[: rig.face], size), depth[: rig.face] * fit.scale * size / fit.canvas.side]
        ),
        classes=_classes(layers, covered, eyes, None, size),
        flow=np.zeros((size, size, 2), np.float32),
        lip_gap=0.0,
    )


# --- geometry -------------------------------------------------------------------------------------------------------


def _close_lids(layers: Layers, places: np.ndarray, weights: units.Weights) -> None:
    """Drops lids that blink until they meet the lower ones, in place."""
    for side in SIDES:
        name = f"eyeBlink_{side[0].upper()}"
        more = max(0.0, weights[name] - layers.fit.weights.get(name, 0.0))
        places[layers.parts.lids[side].follow, 1] += layers.closing[side] * np.float32(more)


def _texture(layers: Layers, places: np.ndarray) -> tuple[np.ndarray, float]:
    """Where the vertices get their colours, and the gap between the lips in eye distances."""
    texture, eye_distance = layers.texture.copy(), layers.fit.canvas.eye_distance
    across = np.linspace(0, 1, 40)
    edges = [np.interp(across, lip.across, places[lip.inner, 1]) for lip in layers.parts.lips.values()]
    gap = np.clip(edges[1] - edges[0], 0, None)
    for which, at, push in layers.lip_push.values():
        turned = np.clip(np.interp(at, across, gap) / (_LIPS_APART * eye_distance), 0, 1)
        texture[which] += push * turned[:, None].astype(np.float32)
    return texture, float(gap.max() / eye_distance)


def _maps(
    layers: Layers, vertices: np.ndarray, places: np.ndarray, depth: np.ndarray, texture: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the skin's vertices say about pixels, (8, h, w) on the field: displacement x and y (canvas pixels), log light, places
    on the neutral face x and y, unfolding of the left and the right lid, side of the lips; and what the skin covers."""
    rig, face = layers.rig, layers.rig.face
    lit = light.log_change(layers.light, layers.own_normals, layers.normals(vertices))
    lids = [layers.parts.lids[side].skin for side in SIDES]
    lit *= 1 - 0.85 * np.maximum(*lids)  # lids are thin, and what they hide is not the mesh's
    area = np.sqrt(_areas(places, rig.triangles["skin"], face) / (_areas(layers.places, rig.triangles["skin"], face) + 0.3))
    unfolded = np.clip((area - _STRETCHED) / _STRETCH_RANGE, 0, 1)
    rows = [*(texture - places)[:face].T, lit[:face], *rig.neutral[:face, :2].T]
    rows += [unfolded * lid[:face] for lid in lids] + [layers.parts.lip_side[:face]]
    drawn = layers.drawn(places, depth)
    return drawn.interpolate(np.stack(rows).astype(np.float32)), drawn.mask()


def _areas(places: np.ndarray, triangles: np.ndarray, count: int) -> np.ndarray:
    """What the triangles about each vertex that face the camera cover of the picture."""
    (ax, ay), (bx, by), (cx, cy) = (places[triangles[:, i]].T for i in range(3))
    area = np.maximum(0, (cx - ax) * (by - ay) - (bx - ax) * (cy - ay))
    return np.bincount(triangles.T.ravel(), np.tile(area, 3), count)[:count]


def _field(layers: Layers, maps: np.ndarray, covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The flow on the canvas, float32 (H, W, 2), gone on beyond the face and dying away there; and (H, W), 0 at the border of the
    face, rising to 1 within."""
    scale = layers.field_scale * layers.unit
    solid = cv2.morphologyEx(covered.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    solid = _filled(solid)
    flow = np.moveaxis(maps[:2], 0, -1)
    spread = _spread(flow, covered, 9 * scale)
    outside = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 5)
    spread *= np.exp(-((outside / (_REACH * scale)) ** 2))[..., None]
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, 5)
    own = np.clip(depth / (_RIM_FADE * scale), 0, 1)
    own = own * own * (3 - 2 * own)
    keep = (own * covered)[..., None]
    size = layers.picture.shape[1], layers.picture.shape[0]
    return cv2.resize(flow * keep + spread * (1 - keep), size), cv2.resize(own, size)


def _filled(mask: np.ndarray) -> np.ndarray:
    """The mask without its holes: mouth and eyes."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(mask), outlines, -1, 1, cv2.FILLED)


def _spread(field: np.ndarray, covered: np.ndarray, sigma: float) -> np.ndarray:
    """A field beyond where it is known: means of what lies near, of wider and wider surroundings the farther away it is. It is
    smooth, so a quarter of the field's resolution will do."""
    height, width = covered.shape
    small = width // _COARSE, height // _COARSE
    known = cv2.resize(covered, small, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(field * covered[..., None], small, interpolation=cv2.INTER_AREA)
    result, weight, sigma = mean.copy(), known.copy(), sigma / _COARSE
    for _ in range(4):
        mean, weight = cv2.GaussianBlur(mean, (0, 0), sigma), cv2.GaussianBlur(weight, (0, 0), sigma)
        near = np.clip(weight * 20, 0, 1) * (1 - known)
        result = result + near[..., None] * mean / (weight[..., None] + 1e-6)
        known = known + near
        sigma *= 2
    return cv2.resize(result / (known[..., None] + 1e-6), (width, height))


# --- pixels ---------------------------------------------------------------------------------------------------------


def _warped(layers: Layers, flow: np.ndarray) -> np.ndarray:
    height, width = flow.shape[:2]
    x = np.arange(width, dtype=np.float32) + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    warped = cv2.remap(layers.picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return warped.astype(np.float32)


def _relit(layers: Layers, picture: np.ndarray, maps: np.ndarray, inside: np.ndarray, crease: np.ndarray | None) -> np.ndarray:
    """With lids' unfolded skin, the change of light and the creases."""
    size = picture.shape[1], picture.shape[0]
    for side, unfolded in zip(SIDES, maps[5:7], strict=True):
        if unfolded.max() > 0.05:
            soft = 0.9 * cv2.resize(cv2.GaussianBlur(unfolded, (0, 0), 2.5 * layers.field_scale * layers.unit + 0.5), size)
            ys, xs = np.flatnonzero(soft.max(axis=1) > 0.002), np.flatnonzero(soft.max(axis=0) > 0.002)
            box = np.s_[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
            picture[box] = picture[box] + (layers.lid_colour[side] - picture[box]) * soft[box][..., None]
    change = maps[2]
    if crease is not None:
        x, y = creases.places(maps[3], maps[4])
        change = change + cv2.remap(crease, x, y, cv2.INTER_LINEAR)
    change = cv2.resize(cv2.GaussianBlur(change, (0, 0), 0.8), size) * inside / np.float32(light.GAMMA)
    lit: np.ndarray = cv2.multiply(picture, cv2.merge([cv2.exp(change * tint) for tint in light.TINT.tolist()]))
    return lit


def _press(layers: Layers, picture: np.ndarray, lip_side: np.ndarray, weights: units.Weights) -> None:
    """Lips that are pressed or rolled in: a shadow along the line where they touch, in place."""
    rolled = weights["mouthRollLower"] + weights["mouthRollUpper"] + 0.6 * weights["mouthShrugLower"]
    pressed = min(1.0, rolled + 0.5 * (weights["mouthPress_L"] + weights["mouthPress_R"]))
    if pressed < 0.03:
        return
    line = np.zeros_like(lip_side)
    line[1:] = (lip_side[:-1] > 0.3) & (lip_side[1:] < -0.3)
    width = 1.2 * layers.field_scale * layers.unit + 0.6
    shadow = np.clip(cv2.GaussianBlur(line, (0, 0), width) * 2.5 * width, 0, 1) * layers.lip_line * pressed
    picture *= 1 - cv2.resize(shadow, (picture.shape[1], picture.shape[0]))[..., None]


def _mask(layers: Layers, outlines: list[np.ndarray]) -> np.ndarray:
    """uint8 (H, W), 255 within the outlines, with smooth borders."""
    mask = np.zeros(layers.picture.shape[:2], np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return mask


def _set_eyes(layers: Layers, picture: np.ndarray, places: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Puts the eyes into their openings, in place, in the soft shadow of the lids; gives their mask."""
    mask = _mask(layers, [layers.outline(places, side) for side in SIDES])
    if mask.any():
        ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        rim = round(8 * layers.unit) + 2
        box = np.s_[max(ys[0] - rim, 0) : ys[-1] + rim, max(xs[0] - rim, 0) : xs[-1] + rim]
        here = mask[box].astype(np.float32) / 255
        soft = cv2.GaussianBlur(here, (0, 0), max(0.6, 0.66 * layers.unit)) * (cv2.dilate(here, np.ones((3, 3))) > 0)
        shadow = cv2.GaussianBlur(1 - here, (0, 0), 3 * layers.unit)
        eye = layers.eyes[box] * (1 - 0.25 * shadow)[..., None]
        picture[box] += (eye - picture[box]) * soft[..., None]
    return mask


# --- what goes out --------------------------------------------------------------------------------------------------


def _cropped(layers: Layers, canvas: np.ndarray, size: int) -> np.ndarray:
    rim, side = layers.fit.canvas.rim, layers.fit.canvas.side
    return cv2.resize(canvas[rim : rim + side, rim : rim + side], (size, size), interpolation=cv2.INTER_AREA)


def _in_crop(layers: Layers, points: np.ndarray, size: int) -> np.ndarray:
    return ((points - layers.fit.canvas.rim) * (size / layers.fit.canvas.side)).astype(np.float32)


def _classes(layers: Layers, covered: np.ndarray, eyes: np.ndarray, opened: np.ndarray | None, size: int) -> np.ndarray:
    solid = _filled((covered > 0).astype(np.uint8))
    classes = np.where(cv2.resize(solid, (layers.picture.shape[1], layers.picture.shape[0])) > 0, SKIN, BACKGROUND)
    classes[eyes > 127] = EYES
    if opened is not None:
        classes[opened > 0] = MOUTH
    rim, side = layers.fit.canvas.rim, layers.fit.canvas.side
    inner = classes[rim : rim + side, rim : rim + side].astype(np.uint8)
    return cv2.resize(inner, (size, size), interpolation=cv2.INTER_NEAREST)
