"""Options that several commands share, singly and in groups, and the checks on output files that come before any work.

A command takes a group as one parameter, whose type is a dataclass of options, and is wrapped by `grouped`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from mimica.cli.pipes import PIPE
from mimica.errors import ImageError, MissingExtraError, UserError
from mimica.files import check_target, writing
from mimica.jobs.lock import Lock

if TYPE_CHECKING:
    from mimica.marks.marking import Marks
    from mimica.motion.expression import Expression

PhotoArgument = Annotated[
    Path,
    typer.Argument(help="A photo with a face: JPEG, PNG, WebP, AVIF, BMP, TIFF ... `-` is standard input.", show_default=False),
]
FaceOption = Annotated[
    str | None,
    typer.Option("--face", help="Which face: a number from 1 in reading order, 'largest' or 'all'. (Default: the largest.)"),
]
EngineOption = Annotated[str, typer.Option("--engine", help="The engine that renders.")]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="A weights file for the engine, in place of the shipped one. ccby: ganimation's second set, of CC BY photos only.",
    ),
]
JudgeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--judge",
        help="mediapipe=face_landmarker.task, pyfeat, pyfaceau, openface=FOLDER, classifier=FILE, reader; may be given again.",
    ),
]
DetectorOption = Annotated[str, typer.Option("--detector", help="What finds the faces: dlib, or mediapipe with its --model.")]
ModelOption = Annotated[Path | None, typer.Option("--model", help="MediaPipe's face_landmarker.task.")]
TagOption = Annotated[
    bool,
    typer.Option(
        "--tag/--no-tag",
        help="Write 'edited by Mimica' into the file, so that others can tell the picture from a genuine one. --no-tag needs "
        "--yes-it-is-labelled-elsewhere.",
    ),
]
ExpressionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--expression",
        "-e",
        help="NAME[:WEIGHT], or a mixture such as 'happy:0.6+surprised:0.4'; given twice, the two are mixed. Sets all Action "
        "Units. Names: happy, sad, surprised, afraid, disgusted, angry, contemptuous, neutral, and compounds such as "
        "happily_surprised. @FILE is an expression that `mimica read --save` kept, @NAME one of `mimica expressions`.",
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
PoseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pose",
        help="Turn the head by so many degrees from the photo: 'yaw=12,pitch=-5,roll=3'. yaw + is to the right of the "
        "picture (the subject's left), pitch + down, roll + clockwise. At 20, 15 and 20 it stops, with a warning.",
    ),
]
GazeOption = Annotated[
    list[str] | None,
    typer.Option("--gaze", help="Turn the eyes by so many degrees from the photo: 'x=10,y=-4', x + to the right, y + down."),
]
LookOption = Annotated[
    str | None,
    typer.Option("--look", help="camera: head to the front and eyes to the camera, from what the photo shows."),
]
AttributeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        "--direction",
        help="NAME=DOSE[:OPTIONS], 'glasses=1:round,gold', 'hair=1:blond', 'age=-1': put on the photo's face, it moves with it; "
        "0 is the photo, 1 the attribute. The engines vae and stylegan have others, their own. May be given again. "
        "`mimica attributes list` and `mimica directions list` name them.",
    ),
]
PartsOption = Annotated[
    str | None,
    typer.Option(
        "--parts",
        help="Only these parts of the face: brows, eyes, nose, cheeks, mouth, jaw, pose, gaze, parted by commas.",
        show_default="all",
    ),
]
DriverFaceOption = Annotated[
    str | None,
    typer.Option(
        "--driver-face",
        help="Which face of the driver: a number from 1, in reading order, or 'largest'. (Default: the largest.)",
    ),
]
AbsoluteOption = Annotated[
    bool,
    typer.Option(
        "--absolute",
        help="For a film: the expression as it is, in place of what the frames show, not laid over it; only blinks go on.",
    ),
]
DetailOption = Annotated[
    bool,
    typer.Option("--detail/--no-detail", help="For vae and stylegan: keep the photo's fine lines, which they lose, or not."),
]
EnhanceOption = Annotated[
    bool,
    typer.Option(
        "--enhance",
        help="Restore a face that is small or blurred in the photo, or in what the engine draws. Small photos become up to 4 "
        "times as wide. Detail is invented: likely, not true. Alone it edits nothing else.",
    ),
]
IntensityOption = Annotated[
    float,
    typer.Option("--intensity", help="How far to go: 0 is the photo as it is, 1 the expression, up to 1.5 beyond it."),
]


VideoOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="mp4, webm, gif, webp, or a new folder for PNGs; `-` is standard output. (Default: beside the photo, .mp4.)",
    ),
]
SizeOption = Annotated[
    int,
    typer.Option(
        "--size", help="Longer side in pixels; a larger photo is made smaller. At 512 a video is made as fast as it plays."
    ),
]


@dataclass(frozen=True)
class Wanted:
    """What the face is to show: see `mimica.edit`."""

    expression: ExpressionOption = None
    au: AuOption = None
    attribute: AttributeOption = None
    intensity: IntensityOption = 1.0
    pose: PoseOption = None
    gaze: GazeOption = None
    look: LookOption = None

    def arguments(self) -> dict[str, Any]:
        """For `mimica.edit` and `mimica.animate`."""
        return {**self._face(), "attributes": joined(self.attribute, ","), "intensity": self.intensity}

    def _face(self) -> dict[str, Any]:
        """What of the face itself is asked for."""
        head = {"pose": joined(self.pose, ","), "gaze": joined(self.gaze, ","), "look": self.look}
        return {"expression": joined(self.expression, "+"), "au": joined(self.au, ","), **head}

    def target(self, photo_too: bool = False) -> Expression:
        """The expression; the photo's own where attributes alone are asked for, or nothing, if that may be (`photo_too`). Raises
        `ValueRangeError`."""
        from mimica.motion.expression import PHOTO, parse_attributes, wanted

        face = self._face()
        unasked = (photo_too or bool(parse_attributes(joined(self.attribute, ",")))) and not any(face.values())
        return PHOTO if unasked else wanted(**face, intensity=self.intensity)


@dataclass(frozen=True)
class Source:
    """Which face of the photo, what finds it and what renders it."""

    face: FaceOption = None
    engine: EngineOption = "ganimation"
    weights: WeightsOption = None
    directions: Annotated[
        Path | None,
        typer.Option(
            "--directions",
            help="For stylegan: a file of latent directions, ours (.safetensors) or published (.npy; .pt of e4e and GANSpace), "
            "whose names --direction then takes.",
        ),
    ] = None
    detector: DetectorOption = "dlib"
    model: ModelOption = None

    def arguments(self) -> dict[str, Any]:
        """For the functions of `mimica.api`; loads the engine where it gets more directions. Raises `UserError`."""
        given = asdict(self)
        directions = given.pop("directions")
        if directions is not None:
            from mimica.engines.base import load_with_directions

            given["engine"] = load_with_directions(self.engine, self.weights, directions)
        return given


@dataclass(frozen=True)
class Marking:
    """What the result says of itself: see `mimica.marks`."""

    tag: TagOption = True
    labelled_elsewhere: Annotated[
        bool,
        typer.Option(
            "--yes-it-is-labelled-elsewhere",
            help="For --no-tag: the result will be shown with a label of its own, as the law of the European Union (Regulation "
            "2024/1689, Article 50) asks for.",
        ),
    ] = False
    visible_mark: Annotated[
        bool, typer.Option("--visible-mark", help="Put the words 'AI MODIFIED' into the picture's lower right corner.")
    ] = False
    sign_key: Annotated[
        Path | None,
        typer.Option("--sign-key", help="A private key (PEM): sign the result with a C2PA manifest. `mimica mark` makes one."),
    ] = None
    sign_chain: Annotated[
        Path | None, typer.Option("--sign-chain", help="The certificates (PEM) that belong to --sign-key, one's own first.")
    ] = None

    def marks(self, photo: Path | None = None, output: Path | None = None) -> Marks:
        """The marks that are wanted, and warnings on stderr about those that `output` cannot carry. Raises `UserError`."""
        from mimica.api import TAG
        from mimica.marks.marking import wanted_marks

        said = {"tag": self.tag, "labelled_elsewhere": self.labelled_elsewhere, "visible": self.visible_mark}
        marks = wanted_marks(TAG, photo, **said, key=self.sign_key, chain=self.sign_chain)
        warn(marks.shortcomings(output) if output is not None else [])
        return marks


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer wants it, each option a parameter: a parameter that is a dataclass is replaced by its fields, whose
    defaults count."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            kind = groups[parameter.name]
            kinds = get_type_hints(kind, include_extras=True)
            made = [(field.name, field.default, kinds[field.name]) for field in fields(kind)]
        else:
            made = [(parameter.name, parameter.default, hints[parameter.name])]
        parameters += [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d, annotation=a) for n, d, a in made]

    def ungrouped(**values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
        command(**values)

    ungrouped.__name__, ungrouped.__doc__ = command.__name__, command.__doc__
    ungrouped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    ungrouped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return ungrouped


def joined(parts: list[str] | None, separator: str) -> str | None:
    """A repeated option as one text; None if it was not given."""
    return separator.join(parts) if parts else None


def check_output(path: Path, suffixes: Iterable[str], photo: Path | None, *, folder: bool = False) -> None:
    """Refuses, before any work, an output that could not be written in the end: a suffix not in `suffixes` (with `folder`
    none is needed), a folder that is missing, protected or in use, the photo itself, and before that a photo that is not there.
    a name that is too long, a full disk. `-` is standard input and output. Raises `UserError`."""
    if photo is not None and photo != PIPE and not os.path.exists(photo):  # unlike Path.exists, also for impossible names
        raise ImageError(f"There is no file '{photo}': check the path.")
    if path == PIPE:
        return
    if path.suffix.lower() not in suffixes and not (folder and not path.suffix):
        also = " or be a folder's (no suffix)" if folder else ""
        raise UserError(f"--output is '{path}'; its name must end in {', '.join(suffixes)}{also}.")
    if not os.path.isdir(path.parent):
        raise UserError(f"--output is '{path}', but there is no folder '{path.parent}'; create it first.")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"--output is '{path}', but the folder '{path.parent}' may not be written; name another.")
    if os.path.isdir(path) and (not folder or path.suffix or any(path.iterdir())):
        raise UserError(f"--output is '{path}', which is a folder{' with files in it' if folder else ''}; name another.")
    if photo is not None and os.path.exists(path) and os.path.exists(photo) and os.path.samefile(path, photo):
        raise UserError(f"--output is the photo '{photo}' itself, which would be lost; name another file.")
    check_target(path, folder=folder and not path.suffix)


@contextmanager
def filled(path: Path) -> Iterator[None]:
    """Makes the output folder where it is missing, and keeps other runs out of it meanwhile. Raises `UserError`."""
    if path.exists() and not path.is_dir():
        raise UserError(f"--output is '{path}', which is a file; name a folder.")
    if not os.path.isdir(path.parent):
        raise UserError(f"--output is '{path}', but there is no folder '{path.parent}'; create it first.")
    with writing(path):
        path.mkdir(exist_ok=True)
    with Lock(path, inside=True):
        yield


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
