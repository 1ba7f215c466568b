"""`mimica prepare`: raw face sets to the format that trainings read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer


def prepare(
    source: Annotated[
        str,
        typer.Argument(
            help="What it is: folder, openface, authors, emotionet, rafd, celeba, cfee, impa, mug, faces, reanimated; sequences; "
            "vae; ffhq, expressions, mixtures; latents.",
            show_default=False,
        ),
    ],
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The raw set; for sequences videos, or folders of them; for ffhq FFHQ crops, then the folder of pairs of them.",
            show_default=False,
        ),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder to write.", show_default=False)],
    size: Annotated[int, typer.Option("--size", help="Side of the crops in pixels.", min=32, max=1024)] = 128,
    as_is: Annotated[bool, typer.Option("--as-is", help="The pictures are face crops already: only resize them.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes; one for each core if not said.", min=1)] = None,
    limit: Annotated[int, typer.Option("--limit", help="Take the first so many pictures only; 0: all.", min=0)] = 0,
    frames: Annotated[
        Path | None, typer.Option("--frames", help="For vae: re-animated frames of the same photos (labels.jsonl and crops).")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="For vae: a table (.csv) with more attributes of the files, 0 to 1.")
    ] = None,
    cache: Annotated[Path | None, typer.Option("--cache", help="For vae: a folder that keeps the masks made by GrabCut.")] = None,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="For vae: a picture to check the masks by.")] = None,
    sample: Annotated[
        int,
        typer.Option(
            "--sample",
            help="For latents: so many samples of the generator, no folder; for expressions: so many of each face; for mixtures: "
            "so many in all.",
            min=0,
        ),
    ] = 0,
    seed: Annotated[
        int, typer.Option("--seed", help="For latents: the first sample's; for expressions and mixtures: of the draws.", min=0)
    ] = 0,
    layout: Annotated[
        str | None, typer.Option("--layout", help="For latents: the folder is a raw set (cfee, impa, mug, folder ...).")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="For latents: steps of search after the encoder.", min=0)] = 0,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="For latents: another generator than the shipped one.")
    ] = None,
) -> None:
    """Find, measure, align and cut out the faces of a raw set, and write them in the format that `mimica train` reads.

    Where the set has no intensities of Action Units, Mimica's reader measures them. Pictures that cannot be used are counted
    by reason and listed in dropped.csv.

    mimica prepare openface photos/ -o data/mine

    mimica prepare sequences clips/ -o data/sequences

    mimica prepare vae CelebA/ -o data/celeba --size 128 --sheet masks.png

    mimica prepare ffhq FACES PAIRS -o data/ffhq

    mimica prepare expressions FACES -o data/expressions --size 256 --sample 7

    mimica prepare mixtures FACES -o data/mixtures --size 256 --sample 5000

    mimica prepare latents --sample 5000 -o data/samples

    mimica prepare latents data/ffhq -o data/latents
    """
    from mimica.errors import UserError

    jobs = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if source == "latents":
        _latents(folders or [], output, sample, seed, layout, steps, weights, jobs, limit)
    elif not folders:
        raise UserError(f"'{source}' is prepared from a folder; name one.")
    elif source == "sequences":
        _sequences(folders, output)
    elif source == "ffhq":
        _ffhq(folders, output, size, limit)
    elif len(folders) != 1:
        raise UserError(f"'{source}' is prepared from one folder; {len(folders)} are named.")
    elif source in ("expressions", "mixtures"):
        _made(source, folders[0], output, size, sample, seed, limit)
    elif source == "vae":
        _vae(folders[0], output, frames, labels, size, cache, limit, sheet)
    else:
        _faces(source, folders[0], output, size, as_is, jobs, limit)


def _faces(source: str, folder: Path, output: Path, size: int, as_is: bool, jobs: int, limit: int) -> None:
    """Any set of `mimica.expression_sets.SOURCES`, with a progress bar."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from mimica.prepare import prepare as run

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def progress(kept: int, dropped: int) -> None:
            elapsed = bar.tasks[task].elapsed or 0.0
            rate = f", {(kept + dropped) / elapsed:.0f} pictures/s" if elapsed else ""
            bar.update(task, description=f"{kept} faces, {dropped} dropped{rate}")

        report = run(source, folder, output, size=size, as_is=as_is, jobs=jobs, limit=limit, progress=progress)
    typer.echo(str(report), err=True)
    typer.echo(str(output))


def _sequences(sources: list[Path], output: Path) -> None:
    """Videos -> how faces move, for `mimica train predictor`."""
    from mimica.motion.sequences import prepare_sequences

    with _counting() as say:
        report = prepare_sequences(list(sources), output, progress=lambda name, frames: say(f"{name}: {frames} frames"))
    typer.echo(str(report), err=True)
    typer.echo(str(output))


def _vae(
    folder: Path,
    output: Path,
    frames: Path | None,
    labels: Path | None,
    size: int,
    cache: Path | None,
    limit: int,
    sheet: Path | None,
) -> None:
    """Faces with head masks and attributes, for `mimica train vae`."""
    from mimica.cli.options import check_output
    from mimica.engines.vae.prepare import prepare
    from mimica.images import write_image
    from mimica.vae_sheets import mask_sheet

    if sheet is not None:
        check_output(sheet, (".png", ".jpg"), folder)
    with _counting() as say:

        def progress(kept: int, dropped: int) -> None:
            say(f"{kept} faces, {dropped} photos dropped")

        report = prepare(folder, output, frames=frames, labels=labels, size=size, cache=cache, limit=limit, progress=progress)
    typer.echo(report, err=True)
    if sheet is not None:
        write_image(sheet, mask_sheet(output))
        typer.echo(str(sheet))
    typer.echo(str(output))


@contextmanager
def _counting() -> Iterator[Callable[[str], None]]:
    """A spinner on stderr whose words the block sets."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda words: bar.update(task, description=words)


def _latents(
    folders: list[Path],
    output: Path,
    sample: int,
    seed: int,
    layout: str | None,
    steps: int,
    weights: Path | None,
    jobs: int,
    limit: int,
) -> None:
    """Codes of faces with what they show, for `mimica directions fit` and `mimica train autoencoder`."""
    from mimica.cli.options import needs_extra
    from mimica.errors import UserError

    if bool(sample) == bool(folders) or len(folders) > 1:
        raise UserError("Latents are either sampled (--sample 5000) or projected from one folder; say which.")
    if output.exists():
        raise UserError(f"--output is '{output}', which exists already; name another folder, or delete it.")
    with needs_extra():
        from mimica.engines.stylegan.codec import load_codec
        from mimica.prepare_latents import project_latents, sample_latents
    codec, done = load_codec(weights), 0
    with _counting() as say:

        def progress(more: int) -> None:
            nonlocal done
            done += more
            say(f"{done} faces")

        if sample:
            report = sample_latents(codec, sample, output, seed=seed, progress=progress)
        else:
            report = project_latents(
                codec, folders[0], output, layout=layout, steps=steps, jobs=jobs, limit=limit, progress=progress
            )
    typer.echo(str(report), err=True)
    typer.echo(str(output))


def _ffhq(folders: list[Path], output: Path, size: int, limit: int) -> None:
    """FFHQ crops and their re-animated copies, for `mimica train stylegan`."""
    from mimica.errors import DataError, UserError
    from mimica.prepare_ffhq import prepare_ffhq

    if len(folders) > 2:
        raise UserError(f"'ffhq' is prepared from the crops and one folder of pairs; {len(folders)} folders are named.")
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"There is no folder '{folder}': check the path.")
    pairs = folders[1] if len(folders) > 1 else None
    with _counting() as say:

        def progress(done: int, lost: int) -> None:
            say(f"{done} pictures, {lost} photos dropped")

        kept, dropped = prepare_ffhq(folders[0], pairs, output, size=size, limit=limit, progress=progress)
    typer.echo(f"{kept} pictures kept, {dropped} photos dropped", err=True)
    typer.echo(str(output))


def _made(source: str, folder: Path, output: Path, size: int, sample: int, seed: int, limit: int) -> None:
    """Faces made of FFHQ crops: other expressions of the same people, or new people mixed of several."""
    from mimica.cli.options import needs_extra
    from mimica.errors import DataError, UserError

    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}': check the path.")
    if sample < 1:
        raise UserError(
            f"'{source}' needs --sample, how many pictures to make{' of each face' if source == 'expressions' else ''}."
        )
    with needs_extra(), _counting() as say:
        if source == "expressions":
            from mimica.prepare_expressions import prepare_expressions as make
        else:
            from mimica.prepare_mixtures import prepare_mixtures as make

        def progress(done: int, lost: int) -> None:
            say(f"{done} pictures, {lost} dropped")

        kept, dropped = make(folder, output, size=size, count=sample, seed=seed, limit=limit, progress=progress)
    typer.echo(f"{kept} pictures kept, {dropped} dropped", err=True)
    typer.echo(str(output))
