"""`mimica directions` and `mimica transition`: editing in StyleGAN's latent space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import check_output, needs_extra

if TYPE_CHECKING:
    import numpy as np

    from mimica.engines.stylegan.autoencoder import LatentEditor
    from mimica.engines.stylegan.codec import Codec
    from mimica.engines.stylegan.directions import Direction

app = typer.Typer(help="Directions of the engine stylegan: fit them, list them, see what they do.", no_args_is_help=True)

GeneratorOption = Annotated[
    Path | None,
    typer.Option("--weights", help="Another generator (.safetensors) than the shipped one, with its encoder beside it."),
]
DirectionsOption = Annotated[
    Path | None,
    typer.Option("--directions", help="A file of directions: .safetensors, or .npy of others. (Default: the shipped.)"),
]
SeedsOption = Annotated[str, typer.Option("--seeds", help="Faces of these seeds: 1-3,7.")]
PhotoOption = Annotated[Path | None, typer.Option("--photo", help="A photo's face in place of --seeds.")]


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@contextmanager
def ticking(words: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr; call what it gives after each step."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(words, total=total)
        yield lambda: bar.advance(task)


@app.command("fit")
def fit(
    data: Annotated[Path, typer.Argument(help="A folder of `mimica prepare latents`.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.", show_default=False)],
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            "-c",
            help="[NAME=]COLUMN: an emotion, an Action Unit (12), yaw, pitch, roll, label:happiness; may be given again. "
            "(Default: the emotions and a few Action Units.)",
        ),
    ] = None,
    learner: Annotated[str, typer.Option("--learner", help="logistic or svm.")] = "logistic",
    compare: Annotated[
        bool, typer.Option("--compare", help="Fit with both learners and print both; write the --learner's.")
    ] = False,
    layers: Annotated[
        str | None, typer.Option("--layers", help="Layers that are changed: 0-7, or all. (Default: the paper's 8 of 18, scaled.)")
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option("--keep", help="Columns to be left alone, or identity: 'yaw,pitch'; the direction avoids theirs."),
    ] = None,
    within: Annotated[
        bool,
        typer.Option("--within", help="Compare each person with him- or herself; for projected sets."),
    ] = False,
    add: Annotated[bool, typer.Option("--add", help="Keep what --output holds; same names are replaced.")] = False,
    share: Annotated[
        float, typer.Option("--share", help="Share of the faces at either end taken as examples.", min=0.01, max=0.5)
    ] = 0.2,
    folds: Annotated[int, typer.Option("--folds", help="Of the cross-validation.", min=2, max=20)] = 5,
    strength: Annotated[
        float, typer.Option("--strength", help="scikit-learn's C: larger trusts the examples more.", min=1e-6)
    ] = 0.1,
) -> None:
    """Fit directions on latents and what their faces show, and print how well they tell held-out people apart.

    mimica directions fit data/latents -c smile=12 -c happiness --keep yaw -o directions.safetensors
    """
    from rich.console import Console
    from rich.table import Table

    check_output(output, (".safetensors",), data)
    with needs_extra():
        import sklearn  # noqa: F401
    from mimica.engines.stylegan.directions import default_layers, load_directions, parse_layers, save_directions
    from mimica.engines.stylegan.directions_fit import DEFAULT_COLUMNS, LEARNERS, fit_direction
    from mimica.engines.stylegan.latents import open_latents, parse_column, within_people
    from mimica.errors import ValueRangeError, nearest

    if learner not in LEARNERS:
        raise ValueRangeError(f"--learner is '{learner}'{nearest(learner, LEARNERS) or ';'} it is one of {', '.join(LEARNERS)}.")
    latents = within_people(open_latents(data)) if within else open_latents(data)
    mask = parse_layers(layers, latents.places) if layers else default_layers(latents.places)
    kept = ["identity" if one.strip() == "identity" else parse_column(one) for one in (keep or "").split(",") if one.strip()]
    table = Table(
        "direction", "column", "learner", "accuracy", "seconds", "examples", title=f"{latents.title}, layers {_ranges(mask)}"
    )
    fitted = []
    for asked in column or DEFAULT_COLUMNS:
        name, _, text = asked.rpartition("=")
        for one in LEARNERS if compare else (learner,):
            source = parse_column(text)
            others = [other for other in kept if other != source]
            direction, found = fit_direction(
                latents, source, mask, name=name or None, learner=one, keep=others, share=share, folds=folds, strength=strength
            )
            accuracy, counts = f"{found.accuracy:.3f} ± {found.deviation:.3f}", f"{found.positives} + {found.negatives}"
            table.add_row(direction.name, source, one, accuracy, f"{found.seconds:.2f}", counts)
            if one == learner:
                fitted.append(direction)
    if add and output.is_file():
        earlier = load_directions(output, latents.places)
        fitted = list({**earlier, **{one.name: one for one in fitted}}.values())
    save_directions(output, fitted, {"data": latents.title, "within": within, "kept": kept, **latents.notes})
    Console().print(table)
    typer.echo("Accuracy is balanced (0.5 is chance), on held-out people. On projected codes it is near chance without --within.")
    typer.echo(str(output))


def _ranges(numbers: tuple[int, ...]) -> str:
    return f"{numbers[0]}-{numbers[-1]}" if numbers == tuple(range(numbers[0], numbers[-1] + 1)) else ",".join(map(str, numbers))


@app.command("list")
def list_(directions: DirectionsOption = None, weights: GeneratorOption = None) -> None:
    """The directions of a file: what each was learnt from, how well, and what a dose of it changes."""
    codec, known = loaded(weights, directions)
    typer.echo(f"{'direction':16}{'from':18}{'learner':11}{'accuracy':>9}{'a dose adds':>13}{'layers':>9}")
    for name, one in known.items():
        accuracy = f"{one.accuracy:.2f}" if one.accuracy else "-"
        dose = f"{one.per_dose:+.2f}" if one.per_dose else "-"
        typer.echo(f"{name:16}{one.column or '-':18}{one.learner:11}{accuracy:>9}{dose:>13}{_ranges(one.layers):>9}")
    typer.echo(f"for the generator {codec.fingerprint}, {codec.places} layers")


@app.command("show")
def show(
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write.")] = Path("directions.png"),
    only: Annotated[list[str] | None, typer.Option("--only", help="This direction; may be given again. (Default: all.)")] = None,
    seeds: SeedsOption = "1-2",
    photo: PhotoOption = None,
    reach: Annotated[float, typer.Option("--reach", help="Largest dose, either way.", min=0.1, max=20)] = 3.0,
    layers: Annotated[str | None, typer.Option("--layers", help="Other layers than the file's: 0-7, or all.")] = None,
    directions: DirectionsOption = None,
    weights: GeneratorOption = None,
) -> None:
    """A sheet of faces with doses of directions, from negative to positive: published signs cannot be trusted, so look.

    mimica directions show --directions smile.npy --weights ffhq.safetensors -o smile.png
    """
    from mimica import api

    check_output(output, _PICTURES, photo)
    codec, known = loaded(weights, directions)
    from mimica.engines.stylegan.directions import chosen, parse_layers
    from mimica.engines.stylegan.sheets import dose_sheet
    from mimica.images import write_image

    shown = {name: chosen(known, name) for name in only or known}
    if layers:
        shown = {name: one.with_layers(parse_layers(layers, codec.places)) for name, one in shown.items()}
    doses = [share * reach for share in (-1, -0.5, 0, 0.5, 1)]
    write_image(output, dose_sheet(codec, _codes(codec, seeds, photo), shown, doses), comment=api.TAG)
    typer.echo(str(output))


def transition(
    start: Annotated[
        str, typer.Option("--from", help="The expression at the start: happy, happy:0.6+surprised:0.4, or own.")
    ] = "own",
    end: Annotated[str, typer.Option("--to", help="The expression at the end.")] = "happy",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A picture with α = 0, .25, .5, .75, 1; or mp4, gif, webp: a video, α eased.")
    ] = Path("transition.png"),
    seeds: SeedsOption = "1-3",
    photo: PhotoOption = None,
    seconds: Annotated[float, typer.Option("--seconds", help="Of a video.", min=0.1, max=60)] = 2.0,
    fps: Annotated[float, typer.Option("--fps", help="Of a video.", min=1, max=120)] = 25.0,
    autoencoder: Annotated[
        str, typer.Option("--autoencoder", help="residual or paper, the shipped ones; or a file of `mimica train autoencoder`.")
    ] = "residual",
    weights: GeneratorOption = None,
) -> None:
    """From any expression to any other in the latent space, without passing neutral: w_i = w_s + α (w_t - w_s).

    mimica transition --seeds 1-3 --from sad --to happy -o strip.png
    """
    from mimica.video.writer import SUFFIXES

    check_output(output, (*_PICTURES, *SUFFIXES), photo)
    from mimica import api

    codec = open_codec(weights)
    from mimica.engines.stylegan.sheets import transition_frames, transition_sheet
    from mimica.engines.stylegan.transition import expression_codes
    from mimica.images import write_image

    editor = load_editor_named(codec, weights, autoencoder)
    codes = _codes(codec, seeds, photo)
    starts, ends = (codes if words == "own" else expression_codes(codec, editor, codes, words) for words in (start, end))
    if output.suffix.lower() in _PICTURES:
        rows = [(f"{start} to {end}", s, e) for s, e in zip(starts, ends, strict=True)]
        write_image(output, transition_sheet(codec, rows), comment=api.TAG)
    else:
        from mimica.video.writer import VideoWriter

        with VideoWriter(output, fps, (codec.image_size, codec.image_size), comment=api.TAG) as writer:
            for s, e in zip(starts, ends, strict=True):
                for code in transition_frames(s, e, round(seconds * fps)):
                    writer.write(codec.decode(code[None])[0])
    typer.echo(str(output))


_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def open_codec(weights: Path | None) -> Codec:
    """The generator. Raises `MissingExtraError` without torch."""
    with needs_extra():
        from mimica.engines.stylegan.codec import load_codec
    return load_codec(weights)


def loaded(weights: Path | None, file: Path | None) -> tuple[Codec, dict[str, Direction]]:
    """The generator and its directions, or those of a file. Raises `WeightsError`."""
    from mimica.errors import WeightsError

    codec = open_codec(weights)
    from mimica.engines.stylegan.codec import companion
    from mimica.engines.stylegan.directions import load_directions

    path = file or companion(weights, "directions")
    if path is None:
        raise WeightsError("There are no directions beside this generator; name a file with --directions, or fit some.")
    return codec, load_directions(path, codec.places)


def load_editor_named(codec: Codec, weights: Path | None, which: str) -> LatentEditor:
    """A pseudo-autoencoder by name or file. Raises `WeightsError`."""
    from mimica.engines.stylegan.autoencoder import load_editor
    from mimica.engines.stylegan.codec import companion
    from mimica.errors import WeightsError

    known = {"residual": companion(weights, "autoencoder"), "paper": companion(weights, "autoencoder_paper")}
    path = known.get(which, Path(which))
    if path is None:
        raise WeightsError(f"There is no autoencoder '{which}' beside this generator; train one with `mimica train autoencoder`.")
    return load_editor(path, codec.places, codec.fingerprint)


def _codes(codec: Codec, seeds: str, photo: Path | None) -> np.ndarray:
    """Codes of the seeds' faces, or of the photo's face by the encoder."""
    import numpy as np

    if photo is not None:
        from mimica.engines.stylegan.transition import photo_code

        return photo_code(codec, photo)
    from mimica.engines.stylegan.seeds import parse_seeds

    return np.concatenate([np.repeat(codec.sample(1, seed, 0.8), codec.places, axis=1) for seed in parse_seeds(seeds)])
