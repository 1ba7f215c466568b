"""`mimica prepare`: raw face sets to the format that trainings read. Each kind of data is prepared by a module of
`mimica.prepare`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from mimica.cli.options import check_output, grouped, needs_extra
from mimica.cli.pipes import SOME_LEFT_OUT
from mimica.cli.prepare_options import Codes, Vae
from mimica.cli.progress import bar, spinner
from mimica.cli.spread import Spread, told
from mimica.errors import DataError, UserError


class Outcome(Protocol):
    """What became of a set: a closing line, the same for JSON, and whether all was read."""

    @property
    def complete(self) -> bool: ...

    def as_object(self) -> dict[str, Any]: ...


SourceArgument = Annotated[
    str,
    typer.Argument(
        help="What it is: folder, openface, authors, emotionet, rafd, celeba, cfee, impa, mug, faces, reanimated; "
        "sequences; clips; vae; ffhq, expressions, mixtures, redrawn; latents.",
        show_default=False,
    ),
]
FoldersArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        help="The raw set; for sequences videos, or folders of them; for ffhq FFHQ crops, then the folder of pairs of them; for "
        "mixtures FFHQ crops, then a set or folder of more people, who lend their features.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Common:
    """For every kind of data."""

    size: Annotated[int, typer.Option("--size", help="Side of the crops in pixels.", min=32, max=1024)] = 128
    as_is: Annotated[bool, typer.Option("--as-is", help="The pictures are face crops already: only resize them.")] = False
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes; one for each core if not said.", min=1)] = None
    limit: Annotated[int, typer.Option("--limit", help="Take the first so many pictures only; 0: all.", min=0)] = 0

    @property
    def processes(self) -> int:
        from mimica.jobs.workers import cores

        return self.jobs or cores()


@dataclass(frozen=True)
class Asked:
    """All that was asked for."""

    source: str
    folders: list[Path]
    output: Path
    common: Common
    vae: Vae
    codes: Codes


@grouped
def prepare(
    source: SourceArgument,
    folders: FoldersArgument = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder to write.", show_default=False)],
    common: Common = Common(),
    vae: Vae = Vae(),
    codes: Codes = Codes(),
    spread: Spread = Spread(),
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of the set as JSON, in place of the name.")] = False,
) -> None:
    """Find, measure, align and cut out the faces of a raw set, and write them in the format that `mimica train` reads.

    Where the set has no intensities of Action Units, Mimica's reader measures them. Pictures that cannot be used are counted
    by reason and listed in dropped.csv.

    Exit codes: 0 all that the set names was read (what shows no face is dropped, and that is no loss), 1 some could not be read,
    2 nothing was written. --shard and --cluster fill a folder with parts of a face set, as for annotate, and `mimica merge`
    makes them a data set. Keys of --json: "output", "kept", "dropped", "reasons" (how many by reason), "complete".

    mimica prepare openface photos/ -o data/mine

    mimica prepare vae CelebA/ -o data/celeba --size 128 --sheet masks.png

    mimica prepare ffhq FACES PAIRS -o data/ffhq

    mimica prepare expressions FACES -o data/expressions --size 256 --sample 7

    mimica prepare latents data/ffhq -o data/latents

    mimica prepare rig ICT-FaceKit/FaceXModel -o face_rig.safetensors

    mimica prepare emotionet EmotioNet/ -o data/parts --shard 3/20
    """
    asked = Asked(source, folders or [], output, common, vae, codes)
    if spread.shard or spread.cluster:
        told(_in_parts(asked, spread), output, as_json)
        return
    spread.refuse("go with --shard or --cluster: without them one data set is written")
    typer.echo(str(report := _PREPARED.get(source, _faces)(asked)), err=True)
    if as_json:
        typer.echo(json.dumps({"output": str(output), **report.as_object()}, indent=1))
    else:
        typer.echo("\n".join(map(str, [vae.sheet, output] if source == "vae" and vae.sheet is not None else [output])))
    if not report.complete:
        raise typer.Exit(SOME_LEFT_OUT)


def _one_folder(asked: Asked) -> Path:
    if not asked.folders:
        raise UserError(f"'{asked.source}' is prepared from a folder; name one.")
    if len(asked.folders) != 1:
        raise UserError(f"'{asked.source}' is prepared from one folder; {len(asked.folders)} are named.")
    return asked.folders[0]


def _crops_and_more(asked: Asked, more: str) -> tuple[Path, Path | None]:
    """A folder of FFHQ crops and, where one is named, a second one of `more` (empty: there is none)."""
    if not asked.folders or not more:
        _one_folder(asked)
    if len(asked.folders) > 2:
        raise UserError(
            f"'{asked.source}' is prepared from the crops and one folder of {more}; {len(asked.folders)} folders are named."
        )
    for folder in asked.folders:
        if not folder.is_dir():
            raise DataError(f"There is no folder '{folder}': check the path.")
    return asked.folders[0], asked.folders[1] if len(asked.folders) > 1 else None


def _faces(asked: Asked) -> Outcome:
    """Any set of `mimica.data.sources.registry.SOURCES`."""
    from mimica.prepare.faces import prepare as run

    folder, common = _one_folder(asked), asked.common
    with spinner() as line:
        report = run(
            asked.source,
            folder,
            asked.output,
            size=common.size,
            as_is=common.as_is,
            jobs=common.processes,
            limit=common.limit,
            progress=line.measured,
        )
    return report


def _sequences(asked: Asked) -> Outcome:
    """Videos -> how faces move, for `mimica train predictor`."""
    from mimica.prepare.sequences import prepare_sequences

    if not asked.folders:
        _one_folder(asked)
    with spinner() as line:
        return prepare_sequences(asked.folders, asked.output, progress=line.frames)


def _clips(asked: Asked) -> Outcome:
    """Photos -> clips of the six emotions, for `mimica train mocogan`, `vgan` and `tgan`."""
    from mimica.data.sources.base import NO_FACE, Dropped
    from mimica.prepare.clips import prepare_clips
    from mimica.prepare.faces import Report

    folder = _one_folder(asked)
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}': check the path.")
    with spinner() as line:
        kept, dropped = prepare_clips(folder, asked.output, limit=asked.common.limit, progress=line.pictures)
    return Report(kept, [Dropped("", NO_FACE)] * dropped)


def _vae(asked: Asked) -> Outcome:
    """Faces with head masks and attributes, for `mimica train vae`."""
    from mimica.engines.vae.sheets import mask_sheet
    from mimica.pictures.images import write_image
    from mimica.prepare.vae import prepare as run

    folder, given, common = _one_folder(asked), asked.vae, asked.common
    if given.sheet is not None:
        check_output(given.sheet, (".png", ".jpg"), folder)
    with spinner() as line:
        report = run(
            folder,
            asked.output,
            frames=given.frames,
            labels=given.labels,
            size=common.size,
            cache=given.cache,
            limit=common.limit,
            progress=line.kept,
        )
    if given.sheet is not None:
        write_image(given.sheet, mask_sheet(asked.output))
    return report


def _latents(asked: Asked) -> Outcome:
    """Codes of faces with what they show, for `mimica directions fit` and `mimica train autoencoder`."""
    given, common = asked.codes, asked.common
    if bool(given.sample) == bool(asked.folders) or len(asked.folders) > 1:
        raise UserError("Latents are either sampled (--sample 5000) or projected from one folder; say which.")
    if asked.output.exists():
        raise UserError(f"--output is '{asked.output}', which exists already; name another folder, or delete it.")
    with needs_extra():
        from mimica.engines.stylegan.codec import load_codec
        from mimica.prepare.latents import project_latents, sample_latents
        from mimica.prepare.poses import pose_latents
    codec = load_codec(given.weights)
    with spinner() as line:
        if given.posed:
            folder = asked.folders[0] if asked.folders else None
            return pose_latents(
                codec, asked.output, folder=folder, limit=common.limit, sample=given.sample, seed=given.seed, progress=line.faces
            )
        if given.sample:
            return sample_latents(codec, given.sample, asked.output, seed=given.seed, progress=line.faces)
        report = project_latents(
            codec,
            asked.folders[0],
            asked.output,
            layout=given.layout,
            steps=given.steps,
            jobs=common.processes,
            limit=common.limit,
            progress=line.faces,
        )
    return report


def _ffhq(asked: Asked) -> Outcome:
    """FFHQ crops and their re-animated copies, for `mimica train stylegan`."""
    from mimica.data.sources.base import NO_FACE, Dropped
    from mimica.prepare.faces import Report
    from mimica.prepare.ffhq import prepare_ffhq

    faces, pairs = _crops_and_more(asked, "pairs")
    size, limit = asked.common.size, asked.common.limit
    with spinner() as line:
        kept, dropped = prepare_ffhq(faces, pairs, asked.output, size=size, limit=limit, progress=line.pictures)
    return Report(kept, [Dropped("", NO_FACE)] * dropped)


def _made(asked: Asked) -> Outcome:
    """Faces made of FFHQ crops: other expressions of the same people, or new people mixed of several."""
    mixed, count = asked.source == "mixtures", asked.codes.sample
    folder, lenders = _crops_and_more(asked, "people who lend their features" if mixed else "")
    if count < 1:
        each = " of each face" if asked.source == "expressions" else ""
        raise UserError(f"'{asked.source}' needs --sample, how many pictures to make{each}.")
    if mixed and asked.codes.turned:
        raise UserError("--turned is for 'expressions': mixed faces look where the photos do.")
    known: dict[str, Any] = {
        "size": asked.common.size, "count": count, "seed": asked.codes.seed, "limit": asked.common.limit,
    }  # fmt: skip
    with spinner() as line:
        known["progress"] = line.pictures
        return _mixtures(folder, lenders, asked.output, known) if mixed else _expressions(folder, asked, known)


def _mixtures(folder: Path, lenders: Path | None, output: Path, known: dict[str, Any]) -> Outcome:
    from mimica.prepare.faces import Report

    with needs_extra():
        from mimica.prepare.mixtures import prepare_mixtures
    return Report(*prepare_mixtures(folder, output, lenders=lenders, **known))


def _expressions(folder: Path, asked: Asked, known: dict[str, Any]) -> Outcome:
    from mimica.data.sources.base import NO_FACE, Dropped
    from mimica.prepare.expressions import prepare_expressions
    from mimica.prepare.faces import Report

    kept, dropped = prepare_expressions(folder, asked.output, turned=asked.codes.turned, **known)
    return Report(kept, [Dropped("", NO_FACE)] * dropped)


def _redrawn(asked: Asked) -> Outcome:
    """FFHQ crops as an engine gives them back, for a network that enlarges such pictures."""
    folder = _one_folder(asked)
    from mimica.prepare.faces import Report
    from mimica.prepare.redrawn import prepare_redrawn

    codes, known = asked.codes, {"size": asked.common.size, "limit": asked.common.limit}
    with needs_extra(), spinner() as line:
        kept = prepare_redrawn(
            folder, asked.output, engine=codes.redrawn_by, weights=codes.weights, **known, progress=line.pictures
        )
    return Report(kept, [])


def _facekit(asked: Asked) -> Outcome:
    """ICT-FaceKit's folder FaceXModel -> the small head, or the rig of `mimica synthesize`, that ship."""
    folder = _one_folder(asked)
    check_output(asked.output, (".safetensors",), None)
    with needs_extra():
        from mimica.prepare import head, rig
    return head.prepare(folder, asked.output) if asked.source == "head" else rig.prepare(folder, asked.output)


def _in_parts(asked: Asked, spread: Spread) -> Outcome:
    """A face set, a share of it or on a cluster."""
    from mimica.prepare.parts import prepare_parts

    if asked.source in _PREPARED:
        raise UserError(f"'{asked.source}' is prepared by one machine: leave out --shard and --cluster.")
    spread.is_asked(asked.output)
    common, driver, folder = asked.common, spread.driver(asked.common.processes), _one_folder(asked)
    known = {"size": common.size, "as_is": common.as_is, "limit": common.limit, **spread.arguments()}
    with bar("pictures", None) as line:
        return prepare_parts(asked.source, folder, asked.output, **known, driver=driver, progress=line.files)


def _layers(asked: Asked) -> Outcome:
    from mimica.cli.prepare_layers import layers

    return layers(asked, _one_folder(asked))


_PREPARED: dict[str, Callable[[Asked], Outcome]] = {
    "latents": _latents, "sequences": _sequences, "clips": _clips, "ffhq": _ffhq, "vae": _vae, "expressions": _made,
    "mixtures": _made, "redrawn": _redrawn, "head": _facekit, "rig": _facekit, "masks": _layers, "wrinkles": _layers,
    "attributes": _layers,
}  # fmt: skip
"""What is not a face set with Action Units -> its function."""
