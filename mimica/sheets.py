"""Contact sheets: pictures in rows, each with a caption; the sheets of single Action Units and of sampled expressions
(A. Pumarola et al., "GANimation", ECCV 2018, figures 4 and 7); an engine's masks (figure 5); a flow field as colours.

The flow colours follow the usual wheel: the hue is the direction, the saturation how far, white is still.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from mimica.animation import Prepared, own_controls, render_face, render_frame
from mimica.engines.base import Rendered
from mimica.face import align
from mimica.facs import ACTION_UNITS, with_sides, without_sides
from mimica.motion.presets import sample_expression
from mimica.pictures.contact_sheet import Cell, beside, sheet
from mimica.pictures.pixels import from_unit

UNIT_LEVELS = (0.0, 0.33, 0.66, 1.0)
HEAD_LEVELS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "yaw": ("turn", (-20.0, -10.0, 10.0, 20.0)), "pitch": ("nod", (-15.0, -8.0, 8.0, 15.0)),
    "roll": ("tilt", (-20.0, -10.0, 10.0, 20.0)), "gaze_x": ("gaze across", (-20.0, -10.0, 10.0, 20.0)),
    "gaze_y": ("gaze down", (-15.0, -8.0, 8.0, 15.0)),
}  # fmt: skip
"""Control of the head -> (what it is, degrees away from the photo)."""


def unit_sheet(prepared: Prepared, cell: int = 160) -> np.ndarray:
    """Every Action Unit of the engine alone at `UNIT_LEVELS`, both sides, the others as in the photo: a row each, in two
    blocks; then pose and gaze at `HEAD_LEVELS`, where the engine has them. `prepared` holds one face."""
    offered = set(without_sides(dict.fromkeys(prepared.engine.controls, 0.0)))
    rows = []
    for unit in ACTION_UNITS:
        if unit.control in offered:
            levels = [with_sides({unit.control: level}) for level in UNIT_LEVELS]
            pictures = [Cell(_face_picture(prepared, v, cell), f"{x:g}") for v, x in zip(levels, UNIT_LEVELS, strict=True)]
            rows.append([Cell(None, f"AU {unit.number}\n{unit.name}"), *pictures])
    rows += _head_rows(prepared, cell)
    half = (len(rows) + 1) // 2
    return beside(sheet(rows[:half], cell), sheet(rows[half:], cell)) if len(rows) > 1 else sheet(rows, cell)


def _head_rows(prepared: Prepared, cell: int) -> list[list[Cell]]:
    own, rows = own_controls(prepared.faces[0].reading), []
    for name, (what, levels) in HEAD_LEVELS.items():
        if name in prepared.engine.controls:
            pictures = [Cell(_face_picture(prepared, {name: own[name] + away}, cell), f"{away:+g}°") for away in levels]
            rows.append([Cell(None, f"{name}\n{what}"), *pictures])
    return rows


def sample_sheet(prepared: Prepared, count: int, seed: int, cell: int = 160) -> np.ndarray:
    """`count` plausible random expressions of the one face, by the random numbers of `seed`; about 9 columns for 8 rows."""
    rng = np.random.default_rng(seed)
    cells = []
    for _ in range(count):
        label, values = sample_expression(rng)
        cells.append(Cell(_face_picture(prepared, values, cell), label))
    columns = math.ceil(math.sqrt(count * 9 / 8))
    return sheet([cells[i : i + columns] for i in range(0, count, columns)], cell)


def _face_picture(prepared: Prepared, values: Mapping[str, float], cell: int) -> np.ndarray:
    frame = render_frame(prepared, [values])
    matrix = align.crop_from_photo(prepared.faces[0].reading.landmarks_photo, cell, "tight")
    return align.cut(frame, matrix, cell)


def flow_picture(flow: np.ndarray) -> np.ndarray:
    """A flow field (h, w, 2) in pixels -> uint8 (h, w, 3): the hue is the direction, full colour the greatest length."""
    length = np.hypot(flow[..., 0], flow[..., 1])
    angle = np.arctan2(flow[..., 1], flow[..., 0])
    hsv = np.empty((*flow.shape[:2], 3), np.float32)
    hsv[..., 0] = np.degrees(angle) % 360.0
    hsv[..., 1] = length / max(float(length.max()), 1e-6)
    hsv[..., 2] = 1.0
    return from_unit(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def _layer_picture(layer: np.ndarray) -> np.ndarray:
    if layer.ndim == 3 and layer.shape[2] == 2:
        return flow_picture(layer)
    levels = from_unit(layer)
    return levels if levels.ndim == 3 else np.repeat(levels[:, :, None], 3, axis=2)


def masks_picture(faces: Sequence[tuple[np.ndarray, Rendered]], cell: int = 256) -> np.ndarray:
    """One row a face: the input, every layer that the engine gave (attention, colour, flow ...), the output.

    faces   (crop uint8 (h, w, 3), what was rendered from it with `layers=True`)
    """
    rows = []
    for crop, rendered in faces:
        layers: Mapping[str, np.ndarray] = rendered.layers or {"mask": rendered.mask}
        output = crop + rendered.mask[..., None] * (rendered.image.astype(np.float32) - crop)
        rows.append(
            [
                Cell(crop, "input"),
                *(Cell(_layer_picture(np.asarray(layer, np.float32)), name) for name, layer in layers.items()),
                Cell(np.rint(output).clip(0, 255).astype(np.uint8), "output"),
            ]
        )
    return sheet(rows, cell, paper=215)  # gray, since attention and flow are mostly white


def masks_of(prepared: Prepared, values: Sequence[Mapping[str, float]]) -> np.ndarray:
    """What the network makes of each face, as one picture."""
    rendered = [layers_of(prepared, i, controls) for i, controls in enumerate(values)]
    return masks_picture([(f.face.image, r) for f, r in zip(prepared.faces, rendered, strict=True)])


def layers_of(prepared: Prepared, index: int, values: Mapping[str, float]) -> Rendered:
    """One face with what the engine made it from, and where each attribute is that was put on."""
    rendered, dressed = render_face(prepared, index, values, layers=True), prepared.faces[index].dressed
    return rendered if dressed is None else replace(rendered, layers={**rendered.layers, **dressed.masks})
