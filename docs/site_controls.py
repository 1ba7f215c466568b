"""The control reference of the site: every Action Unit, pose and gaze, as a strip of pictures, with its names elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from mimica import api
from mimica.animation import Prepared, own_controls, render_frame
from mimica.engines.controls import GROUPS, MOTION_NAMES, Control, describe, group_of
from mimica.face import align
from mimica.facs import ACTION_UNITS, ActionUnit, with_sides
from mimica.pictures.images import write_image

CELL = 120
STEPS = 5
_WORDS = {"brows": "Brows", "eyes": "Eyes", "nose": "Nose", "cheeks": "Cheeks", "mouth": "Mouth", "jaw": "Jaw and chin"}
_SIGNS = {
    "yaw": "+ turns to the right of the picture, the subject's left",
    "pitch": "+ nods down",
    "roll": "+ tilts clockwise",
    "gaze_x": "+ looks to the right of the picture",
    "gaze_y": "+ looks down",
}
_OPENFACE = {"yaw": "pose_Ry", "pitch": "pose_Rx", "roll": "pose_Rz", "gaze_x": "gaze_angle_x", "gaze_y": "gaze_angle_y"}
_ARKIT = {"gaze_x": "eyeLookInLeft, eyeLookOutLeft, and the right eye's", "gaze_y": "eyeLookUpLeft, eyeLookDownLeft, ..."}


def control_reference(photo: Path, pictures: Path, only: Collection[str] | None = None) -> str:
    """The page, in Markdown; its strips, or `only` some, are written into `pictures`, which the page calls `made`."""
    prepared, _ = api.prepare_face(photo, eye_distance=0.5 * CELL)
    known = {control.base: control for control in describe(prepared.engine)}
    lines = [_INTRODUCTION]
    for group in GROUPS:
        units = [unit for unit in ACTION_UNITS if group_of(unit.control) == group and unit.control in known]
        lines += [f"\n## {_WORDS[group]}\n", *map(_unit, units)] if units else []
    motions = [known[name] for name in MOTION_NAMES if name in known]
    lines += ["\n## Head and gaze\n", *map(_motion, motions)]
    for name, values in _steps(prepared, motions).items():
        if only is None or name in only:
            _strip(prepared, values, pictures / f"{name}.jpg")
    return "\n".join(lines) + "\n"


def _steps(prepared: Prepared, motions: Sequence[Control]) -> dict[str, list[dict[str, float]]]:
    """Control -> what the pictures of its strip show."""
    own, intensities = own_controls(prepared.faces[0].reading), np.linspace(0.0, 1.0, STEPS)
    steps = {unit.control: [with_sides({unit.control: float(x)}) for x in intensities] for unit in ACTION_UNITS}
    for one in motions:
        steps[one.name] = [{one.name: own.get(one.name, 0.0) + float(x)} for x in np.linspace(one.low, one.high, STEPS)]
    return steps


_INTRODUCTION = f"""# Controls

All that moves a face, by name. Action Units are those of FACS: 0 is nothing, 1 as far as it goes; a strip shows {STEPS} steps
from 0 to 1, both sides, the rest as the photo has it. Each has a side of its own: `AU12L` is the subject's left, the right of the
picture. OpenFace's intensities (`AU12_r`) are from 0 to 5, five times ours; its `AU12_c` is 1 from intensity 1 on. ARKit's and
MediaPipe's blendshapes are from 0 to 1. The pictures are made from the example photo when this page is built.
"""


def _unit(unit: ActionUnit) -> str:
    shapes = ", ".join(f"`{shape.replace('*', 'Left')}`" for shape in unit.blendshapes) or "none"
    sided = " (and the right side's)" if any("*" in shape for shape in unit.blendshapes) else ""
    pyfeat = "AU43" if unit.number == 45 else unit.control
    return f"""### {unit.control}: {unit.name}

![{unit.name}](made/{unit.control}.jpg)

| muscle | value | sides | OpenFace | py-feat | ARKit |
|---|---|---|---|---|---|
| {unit.muscle} | 0 to 1 | `{unit.control}L`, `{unit.control}R` | `{unit.control}_r` | `{pyfeat}` | {shapes}{sided} |

    mimica edit photo.jpg --au {unit.number}=0.8
    mimica edit photo.jpg --au {unit.number}L=0.8
"""


def _motion(control: Control) -> str:
    kind, _, axis = control.name.rpartition("_")
    option = f"--gaze {axis}={control.high / 2:g}" if kind else f"--pose {control.name}={control.high / 2:g}"
    example = f"\n    mimica edit photo.jpg {option}\n" if control.name in _SIGNS else ""
    unit = f" {control.unit}" if control.unit else ""
    openface, shapes = _OPENFACE.get(control.name, "none"), _ARKIT.get(control.name, "none")
    range_ = f"{control.low:g} to {control.high:g}{unit}"
    return f"""### {control.name}: {control.label}

![{control.label}](made/{control.name}.jpg)

| what | value, away from the photo | OpenFace | ARKit |
|---|---|---|---|
| {_SIGNS.get(control.name, "away from the photo")} | {range_} | {openface} | {shapes} |
{example}"""


def _strip(prepared: Prepared, values: list[dict[str, float]], path: Path) -> None:
    cells = []
    for wanted in values:
        frame = render_frame(prepared, [wanted])
        matrix = align.crop_from_photo(prepared.faces[0].reading.landmarks_photo, CELL, "tight")
        cells.append(align.cut(frame, matrix, CELL))
    write_image(path, np.hstack(cells), quality=85, comment="edited by Mimica")
