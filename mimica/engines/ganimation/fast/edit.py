"""The fast generator: I_out = A * warp(I_in, F) + (1 - A) * C at the photo's own resolution, on an ordinary processor.

The equation is GANimation's (A. Pumarola et al., "GANimation: Anatomically-aware facial animation from a single image",
2018, eq. 1) with a warp of the photo where the paper has the photo itself. Landmarks give a face mesh, Action Units move it
(`rig`), the moved mesh is rasterised to the flow F and the change of light (`warp`), and a small network paints the mouth's
inside and the lids (`painter`). All of it is computed in the canonical crop; the window's own pixels are sampled once, so
that the photo keeps its resolution; pixels that nothing moves stay bit for bit.

Known to be weak: faces turned more than about 25 degrees; hair over the face moves with the skin under it; teeth are drawn, not
the person's own, where the photo hides them; eyes that the photo shows closed open to a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimica.engines.base import Crop, Face, Rendered
from mimica.engines.ganimation.fast import glasses
from mimica.engines.ganimation.fast.canvas import MOST, Canvas, painted
from mimica.engines.ganimation.fast.painter import (
    PARTS,
    Paint,
    Painter,
    composed,
    condition_of,
    draw_eye,
    draw_mouth,
    part_of,
    patch_inputs,
    tooth_white,
)
from mimica.engines.ganimation.fast.rig import Rig
from mimica.engines.ganimation.fast.warp import RIM_FADE, SIDE, Field, Warper
from mimica.errors import ValueRangeError, nearest
from mimica.face.align import crop_from_photo, cut, transform
from mimica.facs import SIDED_AU_NAMES, to_vector
from mimica.pixels import check_finite

WEIGHTS = Path(__file__).parents[3] / "weights" / "ganimation_fast.safetensors"


ROWS = 300
"""Rows of the field at scale 1: the tight crop's 240 and what lies below it, where chins drop."""


DETAIL = 520
"""A face whose tight crop has more pixels a side than this gets a field of twice the scale; twice as many, three times."""


PAINT_SCALE = 2
"""Patches are put together at this scale at least, which keeps teeth sharp."""


MOVED = (0.0005, 0.0025)
"""A patch in which no vertex moves by more than the first (share of the side) is not painted, from the second on fully."""


@dataclass(frozen=True)
class State:
    """What `encode` finds: landmarks and mesh in shares of the tight crop's side, the crop itself at scale 1, the window's
    `pixels` as float32 (which is sampled faster, and without rounding twice; None for a large window), the openings before, the
    eyeballs (by the name of the part), the colour of white, and the scale of fields."""

    face: Face
    controls: np.ndarray
    crop_from_window: np.ndarray
    landmarks: np.ndarray
    mesh: np.ndarray
    crop: np.ndarray
    pixels: np.ndarray | None
    openings: tuple[np.ndarray, np.ndarray]
    eyeballs: Mapping[str, np.ndarray]
    white: np.ndarray
    scale: int
    rims: np.ndarray | None


class FastGanimation:
    """The engine `ganimation` with the weights of the fast generator. `arrays` are the weights by name."""

    name = "ganimation"
    controls: tuple[str, ...] = SIDED_AU_NAMES
    crop: Crop = "window"
    image_size = 512

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self._rig = Rig(arrays)
        self._warper = Warper(self._rig.topology)
        networks = {n.removeprefix("painter."): a.tobytes() for n, a in arrays.items() if n.startswith("painter.")}
        self._painter = Painter(networks)
        skin = self._rig.topology["vertex_weight"] > 1
        neutral = arrays["mesh.mean"].reshape(-1, 2)[: self._rig.skin_vertices]
        self._moving = {name: np.flatnonzero(skin & _near(neutral, name)) for name in PARTS}

    def encode(self, face: Face) -> State:
        """Landmarks -> mesh, and the small crop that the painter looks at. Raises `NoFaceError` for unusable landmarks."""
        crop_from_window = crop_from_photo(face.landmarks_crop, 1)
        landmarks = transform(face.landmarks_crop, crop_from_window).astype(np.float32)
        mesh = self._rig.mesh(landmarks)
        side = 1 / np.hypot(*crop_from_window[:, 0])
        scale = int(np.clip(np.ceil(side / DETAIL), 1, 3))
        crop = cut(face.image, crop_from_window * SIDE, ROWS)[:, :SIDE]
        openings = self._warper.openings(mesh[: self._rig.skin_vertices], scale, ROWS)
        controls = to_vector(face.controls, self.controls)
        white = tooth_white(crop, openings[1], self._warper.skin(mesh[: self._rig.skin_vertices], 1, ROWS))
        eyeballs = {}
        for name, part in PARTS.items():
            if part.network == "eye":
                corner = part.corner(landmarks, ROWS)
                eyeballs[name] = draw_eye(part_of(crop, corner, part, 1), part_of(openings[1], corner, part, 1))
        pixels = face.image.astype(np.float32) if face.image.shape[0] * face.image.shape[1] <= MOST else None
        rims = glasses.find_rims(
            cut(face.image, crop_from_window * glasses.SIDE, ROWS * glasses.SIDE // SIDE)[:, : glasses.SIDE], landmarks
        )
        away = None if rims is None else glasses.distance(rims, (ROWS * scale, SIDE * scale))
        return State(face, controls, crop_from_window, landmarks, mesh, crop, pixels, openings, eyeballs, white, scale, away)

    def render(self, state: State, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
        """One frame; see `mimica.engines.base`. Raises `ValueRangeError` for a control that does not exist."""
        unknown = [name for name in values if name not in self.controls]
        if unknown:
            raise ValueRangeError(f"This engine has no control '{unknown[0]}'{nearest(unknown[0], self.controls)}.")
        illegal = [name for name, value in values.items() if not 0 <= value <= 1]
        if illegal:
            raise ValueRangeError(f"The control '{illegal[0]}' is {values[illegal[0]]:g}; it must lie between 0 and 1.")
        target = to_vector({**state.face.controls, **values}, self.controls)
        image = state.face.image
        if np.array_equal(target, state.controls):
            empty = np.zeros(image.shape[:2], np.float32)
            found = {
                "attention": empty + 1,
                "color": np.zeros(image.shape, np.float32),
                "flow": np.zeros((*empty.shape, 2), np.float32),
            }
            return Rendered(image.copy(), empty, found if layers else {})
        field, paints = self._predict(state, _lips_parted(state.controls, target))
        given = image, state.pixels, state.crop_from_window, field, state.scale
        return Rendered(*painted(*given, paints), Canvas(*given).layers(paints) if layers else {})

    def _predict(self, state: State, target: np.ndarray) -> tuple[Field, list[Paint]]:
        """The warp and what is painted over it."""
        given = state.landmarks, state.controls, target
        motion = self._rig.move(*given)
        moved, gain = state.mesh + motion, self._rig.gain(*given)
        check_finite(moved)
        check_finite(gain)
        skin = self._rig.skin_vertices
        field = self._warper.field(state.mesh[:skin], moved[:skin], gain, state.scale, ROWS, state.rims)
        paints = []
        for name in PARTS:
            length = float(np.abs(motion[self._moving[name]]).max())
            strength = float(np.clip((length - MOVED[0]) / (MOVED[1] - MOVED[0]), 0, 1))
            if strength > 0:
                paints.append(self._paint(name, state, field, moved[skin:], target, strength))
        return field, paints

    def _paint(self, name: str, state: State, field: Field, inner: np.ndarray, target: np.ndarray, strength: float) -> Paint:
        part, scale = PARTS[name], max(PAINT_SCALE, state.scale)
        corner = part.corner(state.landmarks, ROWS)
        if part.network == "mouth":
            openings = state.openings[0], field.mouth
            opening = part_of(field.mouth, corner, part, scale)
            drawing = draw_mouth(inner, self._rig.topology, state.white, corner, opening, scale)
        else:
            openings, drawing = (state.openings[1], field.eyes), state.eyeballs[name]
        condition = condition_of(part, state.landmarks, state.controls, target)
        maps = self._painter.outputs(part, patch_inputs(part, corner, state.crop, field, openings, drawing, condition))
        fade: float | np.ndarray = strength
        if state.rims is not None:
            fade = strength * part_of(np.clip(state.rims * (1 / RIM_FADE), 0, 1), corner, part, scale)
        return composed(part, corner, maps, openings[1], drawing, scale, fade)


def _lips_parted(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """A jaw that drops parts the lips: AU25 rises at least as much as AU26 does, on either side, as in all training pairs."""
    result = target.copy()
    for side in "LR":
        jaw, lips = SIDED_AU_NAMES.index(f"AU26{side}"), SIDED_AU_NAMES.index(f"AU25{side}")
        dropped = max(0.0, float(target[jaw] - source[jaw]))
        result[lips] = max(float(target[lips]), min(1.0, float(source[lips]) + dropped)) if dropped else target[lips]
    return result


def _near(points: np.ndarray, name: str) -> np.ndarray:
    """Which vertices of the mean mesh belong to a patch: below the eyes' line and the nose, or beside one eye."""
    x, y = points.T
    return y > 0.55 if name == "mouth" else (y < 0.5) & ((x < 0.5) == (name == "eye_right"))
