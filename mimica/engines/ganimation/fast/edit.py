"""The fast generator: I_out = A * warp(I_in, F) + (1 - A) * C at the photo's own resolution, on an ordinary processor.

The equation is GANimation's (A. Pumarola et al., "GANimation: Anatomically-aware facial animation from a single image",
2018, eq. 1) with a warp of the photo where the paper has the photo itself. Landmarks give a face mesh, Action Units move it
(`rig`), the moved mesh is rasterised to the flow F and the change of light (`warp`), and a small network paints the mouth's
inside and the lids (`painter`). All of it is computed in the canonical crop; the window's own pixels are sampled once, so
that the photo keeps its resolution; pixels that nothing moves stay bit for bit. Eyes are turned before that, in the photo
(`gaze`), the head after it, in the whole frame (`pose`), so that what was painted moves along.

Known to be weak: faces turned more than about 25 degrees; hair over the face moves with the skin under it; teeth are drawn, not
the person's own, where the photo hides them; eyes that the photo shows closed open to a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from mimica.engines.base import Crop, Face, Rendered
from mimica.engines.ganimation.fast import lasting, lids, mouth, outline
from mimica.engines.ganimation.fast.beside import beside, rendered
from mimica.engines.ganimation.fast.canvas import Canvas, painted
from mimica.engines.ganimation.fast.gaze import lids as following
from mimica.engines.ganimation.fast.inside import Inside, deepened, own_gap
from mimica.engines.ganimation.fast.lasting import Lasting
from mimica.engines.ganimation.fast.painter import (
    PARTS,
    Paint,
    Painter,
    composed,
    condition_of,
    draw_mouth,
    part_of,
    patch_inputs,
)
from mimica.engines.ganimation.fast.pose import reach, turn
from mimica.engines.ganimation.fast.pose_flow import Movement
from mimica.engines.ganimation.fast.rig import Rig
from mimica.engines.ganimation.fast.state import (
    ROWS,
    State,
    bare,
    closing,
    eyeballs_of,
    gaze_change,
    hull_of,
    looking,
    with_eyes,
)
from mimica.engines.ganimation.fast.warp import RIM_FADE, SIDE, Field, Warper
from mimica.engines.ganimation.fast.white import tooth_white
from mimica.errors import ValueRangeError, nearest
from mimica.face import glasses
from mimica.face.align import crop_from_photo, cut, invert, transform
from mimica.facs import SIDED_AU_NAMES, to_vector
from mimica.motion.head import limits
from mimica.motion.track import GAZE, HEAD
from mimica.pictures.pixels import check_finite

WEIGHTS = Path(__file__).parents[3] / "weights" / "ganimation_fast.safetensors"


DETAIL = 520
"""A face whose tight crop has more pixels a side than this gets a field of twice the scale; twice as many, three times."""


PAINT_SCALE = {"mouth": 2, "eye": 1}
"""Patches are put together at this scale at least: teeth are drawn, and stay sharp; eyeballs are drawn at scale 1."""


MOVED = (0.0005, 0.0025)
"""A patch in which no vertex moves by more than the first (share of the side) is not painted, from the second on fully."""


class FastGanimation:
    """The engine `ganimation` with the weights of the fast generator. `arrays` are the weights by name."""

    name = "ganimation"
    controls: tuple[str, ...] = (*SIDED_AU_NAMES, *HEAD)
    crop: Crop = "window"
    image_size = 512

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self._rig = Rig(arrays)
        self._warper = Warper(self._rig.topology)
        networks = {n.removeprefix("painter."): a.tobytes() for n, a in arrays.items() if n.startswith("painter.")}
        self._painter = Painter(networks)
        skin = self._rig.topology["vertex_weight"] > 1
        neutral, inner = np.split(arrays["mesh.mean"].reshape(-1, 2), [self._rig.skin_vertices])
        self._inside = Inside.of(self._rig.topology, inner)
        self._inner = {**self._rig.topology, "inner_color": self._inside.color}
        self._moving = {name: np.flatnonzero(skin & _near(neutral, name)) for name in PARTS}

    def encode(self, face: Face) -> State:
        """Landmarks -> mesh, and the small crop that the painter looks at. A face that does not say how it holds its head is
        taken to look straight ahead. Raises `NoFaceError` for unusable landmarks."""
        return self._encoded(face, None)

    def encode_next(self, face: Face, before: State | None) -> State:
        """The same for the next frame of a film; see `mimica.engines.base` and `lasting`."""
        return replace(self._encoded(face, None if before is None else before.lasting), often=False)

    def _encoded(self, face: Face, before: Lasting | None) -> State:
        face = replace(face, controls={**dict.fromkeys(HEAD, 0.0), **face.controls})
        crop_from_window = crop_from_photo(face.landmarks_crop, 1)
        landmarks = transform(face.landmarks_crop, crop_from_window).astype(np.float32)
        mesh = self._rig.mesh(landmarks)
        scale = lasting.scale_of(float(1 / np.hypot(*crop_from_window[:, 0])), DETAIL, before)
        crop = cut(face.image, crop_from_window * SIDE, ROWS)[:, :SIDE]
        skin = self._warper.skin(mesh[: self._rig.skin_vertices], scale, ROWS)
        openings = self._warper.openings(mesh[: self._rig.skin_vertices], skin)
        controls = to_vector(face.controls, SIDED_AU_NAMES)
        white = lasting.white_of(tooth_white(crop, *openings[::-1], skin), before)
        eyeballs = eyeballs_of(crop, landmarks, openings[1])
        due = lasting.is_due(before)
        found = glasses.find_rims(_sharp(face.image, crop_from_window), landmarks) if due else None
        lasts = lasting.known(found, due, white, scale, (ROWS * scale, SIDE * scale), before)
        window_from_crop = invert(crop_from_window)
        frame = face.glasses_crop if lasts.rims is None else transform(hull_of(lasts.rims), window_from_crop)
        right, left = (transform(mesh[self._rig.topology[f"eye_loop_{side}"]], window_from_crop) for side in ("right", "left"))
        drawn = (mesh, crop, openings, eyeballs, white, scale, lasts.away)
        edges = {
            name: lids.find_lid(crop, mesh, self._rig.topology[f"eye_loop_{name.removeprefix('eye_')}"], part.mirrored)
            for name, part in PARTS.items()
            if part.network == "eye"
        }
        return State(face, controls, crop_from_window, landmarks, *drawn, frame, (right, left), edges, lasts)

    def render(self, state: State, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
        """One frame; see `mimica.engines.base`. Raises `ValueRangeError` for a control that does not exist."""
        self._check(values)
        wanted = {**state.face.controls, **values}
        change = gaze_change(state, wanted)
        units = {name: wanted[name] for name in SIDED_AU_NAMES}
        moved = state
        if any(change) and state.gaze.found:
            moved, units = looking(state, change), following(state.gaze, change, units)
        target = to_vector(units, SIDED_AU_NAMES)
        shut = closing(state, target)
        if any(shut.values()):
            moved = bare(state, moved, shut)
        image = moved.face.image
        if np.array_equal(target, state.controls):
            empty = np.zeros(image.shape[:2], np.float32)
            found = {
                "attention": empty + 1,
                "color": np.zeros(image.shape, np.float32),
                "flow": np.zeros((*empty.shape, 2), np.float32),
            }
            return with_eyes(Rendered(image.copy(), empty, found if layers else {}), state, moved, shut)
        window = state.window.with_eyes(image, moved.changed) if moved.changed else state.window
        with rendered():
            field, paints = self._predict(moved, _lips_parted(state.controls, target), max(shut.values()))
            given = window, state.crop_from_window, field, state.scale
            drawn = painted(*given, paints)
        return with_eyes(Rendered(*drawn, Canvas(*given).layers(field, paints()) if layers else {}), state, moved, shut)

    def reach(self, state: State) -> tuple[int, int, int, int]:
        """The window's rectangle that a turn may touch; see `mimica.engines.base`."""
        return reach(state.scene)

    def turn(self, state: State, frame: np.ndarray, crop_from_photo: np.ndarray, values: Mapping[str, float]) -> np.ndarray:
        """The frame with the head turned; see `mimica.engines.base`. Raises `ValueRangeError` for a control that does not
        exist."""
        self._check(values)
        own, ranges = state.face.controls, limits(state.face.controls)
        away = {n: float(np.clip(values.get(n, own[n]), *ranges[n])) - own[n] for n in HEAD if n not in GAZE}
        shift = away["shift_x"], away["shift_y"]
        movement = Movement(away["yaw"], away["pitch"], away["roll"], shift, away["zoom"])
        if movement == Movement():
            return frame
        left, top = np.rint(-crop_from_photo[:, 2]).astype(int)
        with rendered():
            return turn(state.scene, frame, movement, (int(left), int(top)), self._expression(state, values))

    def _expression(self, state: State, values: Mapping[str, float]) -> np.ndarray | None:
        """(68, 2), by how much the landmarks are displaced, shares of the side along the window's axes; None: not at all."""
        target = to_vector({**state.face.controls, **values}, SIDED_AU_NAMES)
        if np.array_equal(target, state.controls):
            return None
        motion = self._rig.move_landmarks(state.landmarks, state.controls, _lips_parted(state.controls, target))
        motion = outline.held(motion, state.landmarks, state.landmarks, state.pose[0])
        turned = invert(state.crop_from_window)[:, :2] * np.hypot(*state.crop_from_window[:, 0])
        moved: np.ndarray = motion @ turned.T
        return moved

    def _check(self, values: Mapping[str, float]) -> None:
        """Raises `ValueRangeError`."""
        unknown = [name for name in values if name not in self.controls]
        if unknown:
            raise ValueRangeError(f"This engine has no control '{unknown[0]}'{nearest(unknown[0], self.controls)}.")
        for name, value in values.items():
            if name in HEAD and not np.isfinite(value):
                raise ValueRangeError(f"The control '{name}' is {value:g}; it must be a finite number.")
            if name not in HEAD and not 0 <= value <= 1:
                raise ValueRangeError(f"The control '{name}' is {value:g}; it must lie between 0 and 1.")

    def _predict(self, state: State, target: np.ndarray, shut: float) -> tuple[Field, Callable[[], list[Paint]]]:
        """The warp and, once it is asked for, what is painted over it, which is begun in another thread; `shut`, how far lids
        close, which takes them out from behind glasses."""
        given = state.landmarks, state.controls, target
        gain, motion, skin = beside(self._rig.gain, *given), self._rig.move(*given), self._rig.skin_vertices
        motion = outline.held(motion, state.mesh, state.landmarks, state.pose[0])
        alone = mouth.left_alone(state.controls, target, state.openings[0])
        if alone:
            motion = motion * (1 - alone * (1 - mouth.at_vertices(state.free, state.mesh)))[:, None]
        moved = state.mesh + motion
        check_finite(moved)
        low, high = MOVED
        lengths = {name: float(np.abs(motion[self._moving[name]]).max()) for name in PARTS}
        strengths = {
            name: float(np.clip((length - low) / (high - low), 0, 1)) for name, length in lengths.items() if length > low
        }
        seen = self._warper.seen(moved[:skin], state.scale, ROWS)
        drawn = {"mouth": beside(self._draw_mouth, state, seen.openings[0], moved)} if "mouth" in strengths else {}
        change = gain()
        check_finite(change)
        field = self._warper.field(state.mesh[:skin], moved[:skin], change, state.scale, ROWS, state.rims, shut, seen)
        if alone:
            field = mouth.held(field, state.free, alone)
        drawings = {name: drawn[name]() if name in drawn else state.eyeballs[name] for name in strengths}
        known = state, field, moved, target
        coming = [beside(self._paint, n, *known, drawings[n], dose, shut) for n, dose in strengths.items()]

        @cache
        def paints() -> list[Paint]:
            return [paint() for paint in coming[::-1]][::-1]  # the other thread begins with the first, this one with the last

        return field, paints

    def _draw_mouth(self, state: State, opening: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """What lies behind the lips, as large as the mouth's patch at its scale."""
        part, scale = PARTS["mouth"], max(PAINT_SCALE["mouth"], state.scale)
        corner = part.corner(state.landmarks, ROWS)
        opening = part_of(opening, corner, part, scale)
        lips = moved[self._rig.topology["landmarks"][:68]]
        inner = self._inside.placed(moved[self._rig.skin_vertices :], lips, own_gap(state.landmarks))
        return deepened(draw_mouth(inner, self._inner, state.white, corner, opening, scale), opening)

    def _paint(
        self, name: str, state: State, field: Field, moved: np.ndarray, target: np.ndarray, drawing: np.ndarray, *doses: float
    ) -> Paint:
        strength, shut = doses
        part = PARTS[name]
        scale = max(PAINT_SCALE[part.network], state.scale)
        corner = part.corner(state.landmarks, ROWS)
        openings = (state.openings[0], field.mouth) if part.network == "mouth" else (state.openings[1], field.eyes)
        condition = condition_of(part, state.landmarks, state.controls, target)
        maps = self._painter.outputs(part, patch_inputs(part, corner, state.crop, field, openings, drawing, condition))
        fade: float | np.ndarray = strength
        if state.rims is not None:
            near = part_of(np.clip(state.rims * (1 / RIM_FADE), 0, 1), corner, part, scale)
            fade = strength * (near + (shut if part.network == "eye" else 0.0) * (1 - near))
        paint = composed(part, corner, maps, openings[1], drawing, scale, fade)
        if part.network == "mouth":
            return paint
        lid, loop = state.lids[name], self._rig.topology[f"eye_loop_{name.removeprefix('eye_')}"]
        lost = lids.closed(state.mesh[loop], moved[loop])
        left = lids.line(lid, moved, lost, corner, paint.attention.shape, scale)
        return paint if left is None else lids.drawn(paint, 1 + np.asarray(fade)[..., None] * (left - 1))


def _sharp(image: np.ndarray, crop_from_window: np.ndarray) -> np.ndarray:
    """The tight crop as rims are searched in it: uint8 (rows, `glasses.SIDE`, 3)."""
    return cut(image, crop_from_window * glasses.SIDE, ROWS * glasses.SIDE // SIDE)[:, : glasses.SIDE]


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
