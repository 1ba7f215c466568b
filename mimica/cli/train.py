"""`mimica train`: every training by one command, with presets and typed options."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mimica.training.task import Task

TRAINERS: dict[str, tuple[str, ...]] = {
    "ganimation": ("mimica.engines.ganimation.paper.train:Ganimation", "mimica.engines.ganimation.fast.train:FastTask"),
    "reader": ("mimica.reader.train:ReaderTask", "mimica.reader.refiner_train:RefinerTask"),
    "vae": ("mimica.engines.vae.train:Vae",),
    "stylegan": ("mimica.engines.stylegan.train:Stylegan", "mimica.engines.stylegan.cascade.train:Cascade"),
    "autoencoder": ("mimica.engines.stylegan.autoencoder_train:Autoencoder",),
    "stargan": ("mimica.engines.baselines.stargan:Stargan",),
    "cyclegan": ("mimica.engines.baselines.cyclegan:Cyclegan",),
    "diat": ("mimica.engines.baselines.diat:Diat",),
    "icgan": ("mimica.engines.baselines.icgan:Icgan",),
    "vgan": ("mimica.engines.baselines.video.vgan:Vgan",),
    "tgan": ("mimica.engines.baselines.video.tgan:Tgan",),
    "mocogan": ("mimica.engines.baselines.video.mocogan:Mocogan",),
    "classifier": ("mimica.engines.baselines.classifier:ClassifierTask",),
    "masks": ("mimica.engines.layers.masks_train:MaskTask",),
    "predictor": ("mimica.motion.predictor.train:PredictorTask",),
}
"""What can be trained -> `module:class` of its tasks; the one that has the preset asked for is taken. The first task's first
preset is the default."""


def train(
    name: Annotated[str, typer.Argument(help=f"What to train: {', '.join(TRAINERS)}.", show_default=False)],
    data: Annotated[list[Path] | None, typer.Option("--data", help="A folder of training data; may be given again.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The run folder; the same command resumes.")] = None,
    preset: Annotated[
        str | None,
        typer.Option("--preset", help="A row of option values; ganimation has fast, paper, smoke; stylegan paper, embedded."),
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE, any option of --print-options.")] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="ganimation: losses of the paper, or authors-code.")] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="Stop, with a checkpoint, after so many minutes.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build all, run two steps, write nothing, tell sizes and time.")
    ] = False,
    print_options: Annotated[bool, typer.Option("--print-options", help="Print all options with their values, and end.")] = False,
) -> None:
    """Train a model; the run folder holds its story, log, sample pictures, checkpoints and the weights.

    Stopped by Ctrl-C, a signal, the clock or a crash, the same command goes on where the last checkpoint is.

    mimica train ganimation --preset paper --data faces/ -o runs/paper --set devices=4 --set precision=bf16
    """
    from mimica.config import choose, describe
    from mimica.errors import UserError

    chosen = [*(settings or []), *([f"variant={variant}"] if variant else []), *([f"minutes={minutes}"] if minutes else [])]
    kind, preset = find_task(name, preset)
    options = choose(kind.options_type, kind.presets, preset, chosen)
    if print_options:
        typer.echo(describe(options))
        return
    if not data:
        raise UserError("The training needs --data, a folder of training data; it may be given several times.")
    if output is None and not dry_run:
        raise UserError("The training needs -o, the run folder to write to (or --dry-run).")
    from mimica.training.loop import Trainer

    trainer = Trainer(kind(options, data), output or Path("dry-run"), say=typer.echo)
    if dry_run:
        typer.echo(trainer.dry_run())
    else:
        trainer.run()


def find_task(name: str, preset: str | None) -> tuple[type[Task], str]:
    """The task class that has the preset, and the preset. Raises `UserError` for unknown names and a missing extra."""
    from mimica.errors import MissingExtraError, ValueRangeError, nearest

    if name not in TRAINERS:
        raise ValueRangeError(f"There is no training '{name}'{nearest(name, TRAINERS) or ';'} there are {', '.join(TRAINERS)}.")
    kinds: list[type[Task]] = []
    for target in TRAINERS[name]:
        module, attribute = target.split(":")
        try:
            kinds.append(getattr(importlib.import_module(module), attribute))
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("mimica"):
                raise
            raise MissingExtraError(f"Training needs the package '{error.name}': pip install 'mimica[train]'.") from error
    if preset is None:
        return kinds[0], next(iter(kinds[0].presets))
    for kind in kinds:
        if preset in kind.presets:
            return kind, preset
    known = [one for kind in kinds for one in kind.presets]
    raise ValueRangeError(f"{name} has no preset '{preset}'{nearest(preset, known) or ';'} the presets are {', '.join(known)}.")
