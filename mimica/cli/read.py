"""`mimica read`: what the faces in a photo show, as a table, as JSON, as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import DetectorOption, ModelOption, PhotoArgument, check_output
from mimica.cli.pipes import given

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mimica.reader.read import FaceReading

SaveOption = Annotated[
    Path | None,
    typer.Option(
        "--save", help="Also write the expression of the largest face, a .json for --expression @FILE and for `mimica web`."
    ),
]
_BAR = 16
_BLOCKS = " ▏▎▍▌▋▊▉█"


def read(
    photo: PhotoArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list with one object for each face.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Also write a picture: the photo with landmarks, and bars beside it.")
    ] = None,
    save: SaveOption = None,
    detector: DetectorOption = "dlib",
    model: ModelOption = None,
) -> None:
    """Read the faces in a photo: Action Units, emotion, head pose, confidence. Numbered in reading order, as --face counts.
    Without a face the exit code is 2.

    Keys of an object in JSON: "face" (number from 1), "confidence" (0 to 1), "box" (left, top, right, bottom), "pose" ("yaw" +
    to the right of the picture, "pitch" + down, "roll" + clockwise; degrees), "gaze" ("x", "y", signs likewise; in the head),
    "gaze_from_camera" (0 looks into it), "action_units" ("AU01" ... "AU45", 0 to 1, the mean of both sides),
    "action_units_by_side" ("AU01L" ..., L is the subject's left), "emotions" (name and probability), "landmarks" (68 times x,
    y, in iBUG order), "irises" (twice x, y; the one at the left of the picture first). Pixels of the photo.

    Whoever reads people's emotions must tell them so (European Union: Regulation 2024/1689, Article 50(3)), and may not do it
    at work or in education (Article 5(1)(f)).

    mimica read photo.jpg --plot reading.png
    """
    from mimica.face.detect import get_detector
    from mimica.pictures.images import FORMAT_BY_SUFFIX, read_photo, write_image
    from mimica.reader.as_object import as_object
    from mimica.reader.read import find_faces

    if plot is not None:
        check_output(plot, FORMAT_BY_SUFFIX, photo)
    if save is not None:
        check_output(save, (".json",), photo)
    find = get_detector(detector, model)
    rgb = read_photo(given(photo)).rgb
    readings = find_faces(rgb, detector=find)
    if as_json:
        typer.echo(json.dumps([as_object(reading, number) for number, reading in enumerate(readings, start=1)], indent=1))
    else:
        _print(readings)
    if plot is not None:
        from mimica.reader.plot import reading_picture

        write_image(plot, reading_picture(rgb, readings))
        typer.echo(str(plot), err=as_json)
    if save is not None:
        from mimica.motion.expression_file import save_reading

        save_reading(max(readings, key=lambda one: one.eye_distance), save)
        typer.echo(str(save), err=as_json)


def _print(readings: list[FaceReading]) -> None:
    from rich.console import Console

    console = Console()
    for number, reading in enumerate(readings, start=1):
        x0, y0, x1, y1 = reading.box_photo
        console.print(
            f"[bold]Face {number}[/bold]  {x1 - x0:.0f} x {y1 - y0:.0f} pixels at ({x0:.0f}, {y0:.0f})  "
            f"confidence {reading.confidence:.2f}  yaw {_degrees(reading.yaw)}  pitch {_degrees(reading.pitch)}  "
            f"roll {_degrees(reading.roll)}  gaze {_degrees(reading.gaze_x)} {_degrees(reading.gaze_y)}",
            highlight=False,
            soft_wrap=True,
        )
        console.print(_units_table(reading))
        console.print(_emotions_table(reading))


def _degrees(angle: float) -> str:
    return f"{round(angle) + 0:+d}°"


def _units_table(reading: FaceReading) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from mimica.facs import ACTION_UNITS
    from mimica.reader.plot import SIDES_DIFFER

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("Action Unit", "", "Intensity"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Muscle")  # gives way where the terminal is narrow
    for unit in ACTION_UNITS:
        mean = reading.mean_action_units[unit.control]
        left, right = reading.action_units[unit.control + "L"], reading.action_units[unit.control + "R"]
        apart = abs(left - right) >= SIDES_DIFFER
        value = f"{mean:.2f}  L {left:.2f} R {right:.2f}" if apart else f"{mean:.2f}"
        style = None if mean >= 0.2 or apart else "dim"
        muscle = Text(unit.muscle, no_wrap=True, overflow="ellipsis")
        table.add_row(f"{unit.control} {unit.name}", _bar(mean), value, muscle, style=style)
    return table


def _emotions_table(reading: FaceReading) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table("Emotion", "", "Probability", box=SIMPLE_HEAD, pad_edge=False)
    for name, value in sorted(reading.emotions.items(), key=lambda item: -item[1]):
        table.add_row(name, _bar(value), f"{value:.2f}", style=None if value >= 0.2 else "dim")
    return table


def _bar(value: float) -> str:
    """`value` in [0, 1] as blocks, in eighths of a letter."""
    eighths = round(min(1.0, max(0.0, value)) * _BAR * 8)
    return ("█" * (eighths // 8) + _BLOCKS[eighths % 8]).ljust(_BAR)
