"""Options that several commands share, and the checks on output files that come before any work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mimica.errors import MissingExtraError, UserError

PhotoArgument = Annotated[Path, typer.Argument(help="A photo with a face: JPEG, PNG, WebP, BMP or TIFF.", show_default=False)]
FaceOption = Annotated[
    str | None,
    typer.Option("--face", help="Which face: a number from 1 in reading order, 'largest' or 'all'. (Default: the largest.)"),
]
EngineOption = Annotated[str, typer.Option("--engine", help="The engine that renders.")]
WeightsOption = Annotated[
    Path | None, typer.Option("--weights", help="A weights file for the engine, in place of the shipped one.")
]
DetectorOption = Annotated[str, typer.Option("--detector", help="What finds the faces: dlib, or mediapipe with its --model.")]
ModelOption = Annotated[Path | None, typer.Option("--model", help="MediaPipe's face_landmarker.task.")]
TagOption = Annotated[
    bool,
    typer.Option(
        "--tag/--no-tag",
        help="Write 'edited by Mimica' into the file, so that others can tell the picture from a genuine one. "
        "Leave it on unless the result is labelled in another way.",
    ),
]
ExpressionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--expression",
        "-e",
        help="NAME[:WEIGHT], or a mixture such as 'happy:0.6+surprised:0.4'; given twice, the two are mixed. Sets all Action "
        "Units. Names: happy, sad, surprised, afraid, disgusted, angry, contemptuous, neutral, and compounds such as "
        "happily_surprised.",
    ),
]
AuOption = Annotated[
    list[str] | None,
    typer.Option(
        "--au",
        help="Action Units: '12=0.8,6=0.5' sets them (0 to 1), '12+=0.3' and '12-=0.2' change them from what they would be "
        "otherwise, '12L=0.8' takes one side, the subject's left. Alone, the rest stays as in the photo.",
    ),
]
AttributeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        "--direction",
        help="NAME=DOSE for engines with attributes (vae, stylegan): 'smile=1.5', 'age=-1'; 0 is the photo, 1 a typical "
        "difference. May be given again. `mimica attributes list` and `mimica directions list` name them.",
    ),
]
DetailOption = Annotated[
    bool,
    typer.Option("--detail/--no-detail", help="For vae and stylegan: keep the photo's fine lines, which they lose, or not."),
]
IntensityOption = Annotated[
    float,
    typer.Option("--intensity", help="How far to go: 0 is the photo as it is, 1 the expression, up to 1.5 beyond it."),
]


def joined(parts: list[str] | None, separator: str) -> str | None:
    """A repeated option as one text; None if it was not given."""
    return separator.join(parts) if parts else None


def check_output(path: Path, suffixes: Iterable[str], photo: Path, *, folder: bool = False) -> None:
    """Refuses, before any work, an output that could not be written in the end: a suffix not in `suffixes` (with `folder`
    none is needed), a folder that is missing, protected or in use, the photo itself. Raises `UserError`."""
    if path.suffix.lower() not in suffixes and not (folder and not path.suffix):
        also = " or be a folder's (no suffix)" if folder else ""
        raise UserError(f"--output is '{path}'; its name must end in {', '.join(suffixes)}{also}.")
    if not path.parent.is_dir():
        raise UserError(f"--output is '{path}', but there is no folder '{path.parent}'; create it first.")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"--output is '{path}', but the folder '{path.parent}' may not be written; name another.")
    if path.is_dir() and (not folder or path.suffix or any(path.iterdir())):
        raise UserError(f"--output is '{path}', which is a folder{' with files in it' if folder else ''}; name another.")
    if path.exists() and photo.exists() and path.samefile(photo):
        raise UserError(f"--output is the photo '{photo}' itself, which would be lost; name another file.")


@contextmanager
def needs_extra() -> Iterator[None]:
    """Imports within that need the packages of the extra `train`. Raises `MissingExtraError` where one is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mimica"):
            raise
        raise MissingExtraError(f"This command needs the package '{error.name}': pip install 'mimica[train]'.") from error


def warn(sentences: Iterable[str]) -> None:
    """One line each on stderr."""
    for sentence in sentences:
        typer.echo(f"Warning: {sentence}", err=True)
