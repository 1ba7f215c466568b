"""`mimica annotate`: folders, photos and videos to one table of Action Units."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from mimica.cli.options import DetectorOption, ModelOption, check_output, grouped
from mimica.cli.pipes import PIPE, SOME_LEFT_OUT, delivered, spooled
from mimica.cli.progress import bar
from mimica.cli.spread import Spread, told
from mimica.errors import UserError


@dataclass(frozen=True)
class Reading:
    """What is read, how, and by how many processes."""

    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Folders within folders too.")] = False
    raw: Annotated[bool, typer.Option("--raw", help="Videos: values as read, not steadied over time.")] = False
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes; one for each core if not said.", min=1)] = None
    detector: DetectorOption = "dlib"
    model: ModelOption = None

    def arguments(self) -> dict[str, Any]:
        """For `mimica.annotate.annotate`."""
        from mimica.jobs.workers import cores

        return asdict(self) | {"jobs": self.jobs or cores()}


OutputOption = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="The table to write, .csv; `-` is standard output; a folder (no suffix) takes the table in parts.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print what became of the files as JSON, in place of the name.")]


@dataclass(frozen=True)
class Table:
    """Which columns there are."""

    landmarks: Annotated[bool, typer.Option("--landmarks", help="Also the columns x_0 ... x_67, y_0 ... y_67.")] = False
    columns: Annotated[str, typer.Option("--columns", help="openface, pyfeat, or arkit (the 52 blendshapes).")] = "openface"
    arkit: Annotated[bool, typer.Option("--arkit", help="The same as --columns arkit.")] = False

    def arguments(self) -> dict[str, Any]:
        """For `mimica.annotate.annotate`."""
        return {"landmarks": self.landmarks, "columns": "arkit" if self.arkit else self.columns}


@grouped
def annotate(
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="Photos, videos, tars of photos, folders of them; `@list.txt` lists paths, `-` is standard input.",
            show_default=False,
        ),
    ],
    output: OutputOption,
    table: Table = Table(),
    reading: Reading = Reading(),
    spread: Spread = Spread(),
    as_json: JsonOption = False,
) -> None:
    """Write the Action Units of all faces in photos and videos as a table with OpenFace 2's columns, or others.

    One row a face: frame, face_id, timestamp, confidence, success, head pose (radians), AU01_r ... AU45_r (0 to 5) and
    AU01_c ... AU45_c (1 from an intensity of 1.0 on). A photo or frame without a face gives a row of zeros. Of OpenFace's
    columns gaze, pose_T*, 3D landmarks and AU28_c are left out. Unless there is only one file, a last column, input, names it.

    --columns pyfeat writes py-feat's (AU01 ... AU43 from 0 to 1; AU43 is closed eyes, AU11, 24 and 28 stay empty), --arkit the
    weights of ARKit's 52 blendshapes, 0 where no Action Unit is behind one; `mimica animate --script` reads these.

    Stopped in the middle? Run the same command again: it goes on where it was.
    Whatever is not read is named, and counted in the closing line. Exit codes: 0 every photo and video was read to its end, 1
    some were not, or only in part (damaged, cut short, of a kind that is not read), 2 none was. Files beside photos that are
    none (.txt, .csv, .json ...) are named, but are no loss. Keys of --json: "output", "annotated", "kept", "complete",
    "not_read" and "passed_over" (lists of "file", "why"), "read_in_part" (a list of "file", "lost": frames by reason).

    Very many photos: name a folder, which is filled with the table in parts (--format parquet or csv, --part photos each), by the
    processes of this machine, by a queue's job array (--shard 3/20 does the third of twenty shares) or by a Ray cluster
    (--cluster ADDRESS, or local). A part that is there is done. `mimica merge` joins them; what could not be read is a table too.

    Whoever reads people's emotions must tell them so (European Union: Regulation 2024/1689, Article 50(3)).

    mimica annotate photos/ interview.mp4 -o aus.csv

    mimica annotate photos/ -o - | head

    mimica annotate @million.txt -o aus --shard 3/20
    """
    if spread.is_asked(output):
        told(_in_parts(sources, output, table, reading, spread), output, as_json)
    else:
        _one_table(sources, output, table, reading, as_json)


def _one_table(sources: list[Path], output: Path, table: Table, reading: Reading, as_json: bool) -> None:
    from mimica.annotate import annotate as run

    for source in sources:
        check_output(output, (".csv",), source)
    if as_json and output == PIPE:
        raise UserError("--json and --output - both go to standard output: name a file for the table.")
    with ExitStack() as stack:
        file = stack.enter_context(delivered(output, ".csv", quiet=as_json))
        taken = [stack.enter_context(spooled(source)) for source in sources]
        with bar("files", None) as line:
            summary = run(taken, file, **table.arguments(), **reading.arguments(), progress=line.files)
        typer.echo("".join(f"{sentence}\n" for sentence in summary.left_out()), err=True, nl=False)
        typer.echo(summary.told(output), err=True)
    if as_json:
        typer.echo(json.dumps({"output": str(output), **summary.as_object()}, indent=1))
    if not summary.complete:
        raise typer.Exit(SOME_LEFT_OUT)


def _in_parts(sources: list[Path], output: Path, table: Table, reading: Reading, spread: Spread) -> Any:
    from mimica.annotate.parts import annotate_parts

    asked = reading.arguments()
    driver = spread.driver(asked.pop("jobs"))
    with bar("files", None) as line:
        return annotate_parts(
            sources, output, **table.arguments(), **asked, **spread.arguments(), driver=driver, progress=line.files
        )
