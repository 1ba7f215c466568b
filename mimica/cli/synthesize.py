"""`mimica synthesize`: face photos to training data with known Action Units."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import grouped
from mimica.cli.progress import bar
from mimica.cli.spread import Spread, told
from mimica.errors import UserError

if TYPE_CHECKING:
    from mimica.synthesize.settings import Settings


@dataclass(frozen=True)
class Data:
    """What each photo becomes: see `mimica.synthesize.settings`."""

    frames: Annotated[int, typer.Option("--frames", help="Frames of each photo, beside its own crop.")] = 12
    size: Annotated[int, typer.Option("--size", help="Side of the frames in pixels.")] = 256
    renderer: Annotated[
        str, typer.Option("--renderer", help="rig (exact labels), engine (pose and gaze too), or both by turns.")
    ] = "rig"
    seed: Annotated[int, typer.Option("--seed", help="Of everything random: the same command gives the same bytes.")] = 0
    mesh: Annotated[bool, typer.Option("--mesh", help="Also write the face's 9,409 vertices.")] = False
    masks: Annotated[bool, typer.Option("--masks", help="Also write which pixels are skin, eyes, mouth.")] = False
    flow: Annotated[bool, typer.Option("--flow", help="Also write where in the photo each pixel comes from.")] = False
    quality: Annotated[int, typer.Option("--quality", help="Of JPEG.")] = 95

    def settings(self) -> Settings:
        """For the library."""
        from mimica.synthesize.settings import Settings

        return Settings(**vars(self))


@grouped
def synthesize(
    photos: Annotated[
        list[Path] | None, typer.Argument(help="Photos, tars of photos, folders of them; `@list.txt`.", show_default=False)
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to fill.", show_default=False)],
    data: Data = Data(),
    identities: Annotated[
        str, typer.Option("--identities", help="photos, or generated: faces of nobody, of Mimica's StyleGAN.")
    ] = "photos",
    people: Annotated[int, typer.Option("--people", help="How many, where they are generated.")] = 0,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Folders within folders too.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes; one for each core if not said.", min=1)] = None,
    spread: Spread = Spread(),
    as_json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON, in place of the name.")] = False,
) -> None:
    """Make training data: the faces of photos under known Action Units, with labels by side, landmarks, pose and gaze.

    The folder is filled in parts: part-00000.tar (WebDataset: pictures and labels), tables of the labels, tables of the photos
    that could not be used, and a data card. The rig starts from faces near rest: closed lips, open eyes, a head turned at most
    25 degrees. Stopped in the middle? Run the same command again. --shard, --cluster and `mimica merge`: as for annotate.

    Exit codes: 0 every photo gave its frames, 1 some did not, 2 nothing was made. Keys of --json: "output", "parts", "kept",
    "inputs", "rows", "errors", "complete".

    mimica synthesize photos/ -o data --frames 12

    mimica synthesize photos/ -o data --renderer both --masks --flow

    mimica synthesize --identities generated --people 1000 -o data
    """
    from mimica.jobs.workers import cores
    from mimica.synthesize.job import synthesize as run

    if not spread.is_asked(output):
        raise UserError(f"--output is '{output}', and a folder is filled: name one, without a suffix.")
    driver = spread.driver(jobs or cores())
    with bar("photos", None) as line:
        totals = run(
            photos or [],
            output,
            data.settings(),
            identities=identities,
            people=people,
            recursive=recursive,
            driver=driver,
            progress=line.files,
            **spread.arguments(),
        )
    told(totals, output, as_json)
