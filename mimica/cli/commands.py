"""The commands: where each is, and the line that says what it does.

The lines are those that begin the commands' own docstrings (tests/cli/test_commands.py), so that `mimica --help` reads no
command's module, and a command no other's.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import typer

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Pictures and videos": {
        "edit": (
            "mimica.cli.edit:edit",
            "Give the face in a photo, or in a film, or those in many photos, another expression.",
        ),
        "animate": (
            "mimica.cli.animate:animate",
            "Make a video of a photo changing its expression, there and back or through several.",
        ),
        "drive": (
            "mimica.cli.drive:drive",
            "Make a photo do what the person in a video does: expressions, head, gaze, blinks, and the sound with them.",
        ),
        "live": (
            "mimica.cli.live:live",
            "Move a photo with your face, live: other programs see it as a camera. Needs `pip install "
            "'mimica\\[live]'` for that.",
        ),
        "web": (
            "mimica.cli.web:web",
            "Open a page with sliders, a timeline and the camera; photos stay on this machine. Needs `pip "
            "install 'mimica\\[web]'`.",
        ),
        "grid": (
            "mimica.cli.grid:grid",
            "Make a sheet of one face: every Action Unit at 0, 0.33, 0.66 and 1, or --sample 72 for many expressions.",
        ),
        "attributes": (
            "mimica.cli.attributes:app",
            "The attributes of the engine vae, and sheets of what it makes.",
        ),
        "generate": (
            "mimica.cli.generate:generate",
            "Make faces of people who do not exist, from random numbers, or the faces of a latent file.",
        ),
        "project": (
            "mimica.cli.project:project",
            "Find the latent of each face: its picture by the generator comes as near to the photo as it can.",
        ),
        "directions": (
            "mimica.cli.directions:app",
            "Directions of the engine stylegan: fit them, list them, see what they do.",
        ),
        "transition": (
            "mimica.cli.transition:transition",
            "From any expression to any other in the latent space, without passing neutral: w_i = w_s + α (w_t - w_s).",
        ),
    },
    "Measuring": {
        "read": (
            "mimica.cli.read:read",
            "Read the faces in a photo: Action Units, emotion, head pose, confidence. Numbered in reading order, "
            "as --face counts. Without a face the exit code is 2.",
        ),
        "expressions": (
            "mimica.cli.expressions:expressions",
            "List the expressions kept in files, which --expression takes as @NAME: by their strongest Action Units.",
        ),
        "annotate": (
            "mimica.cli.annotate:annotate",
            "Write the Action Units of all faces in photos and videos as a table with OpenFace 2's columns, or others.",
        ),
        "merge": (
            "mimica.cli.merge:merge",
            "Join the parts that annotate, edit or synthesize has filled a folder with into one table, or those "
            "of prepare into a data set.",
        ),
        "evaluate": (
            "mimica.cli.evaluate:app",
            "Measure the models on people they were not trained on.",
        ),
        "bench": (
            "mimica.cli.bench:bench",
            "Measure speed on this machine, with any photo of one face (examples/astronaut.jpg, say).",
        ),
        "clean": (
            "mimica.cli.clean:clean",
            "Remove the hidden temporary files that runs left which were killed (from outside, or by a power cut).",
        ),
        "benchmark": (
            "mimica.cli.benchmark:app",
            "Measure edits by a protocol that others can follow, with judges that guided none.",
        ),
    },
    "What a file says of itself": {
        "verify": (
            "mimica.cli.marks:verify",
            "Tell what a picture or video says of itself: C2PA manifests, XMP with IPTC's terms, comments, notes "
            "of other programs.",
        ),
        "mark": (
            "mimica.cli.marks:mark",
            "Make a key for C2PA manifests, or sign a finished file with one.",
        ),
    },
    "Training": {
        "prepare": (
            "mimica.cli.prepare:prepare",
            "Find, measure, align and cut out the faces of a raw set, and write them in the format that `mimica train` reads.",
        ),
        "synthesize": (
            "mimica.cli.synthesize:synthesize",
            "Make training data: the faces of photos under known Action Units, with labels by side, landmarks, pose and gaze.",
        ),
        "train": (
            "mimica.cli.train:train",
            "Train a model; the run folder holds its story, log, sample pictures, checkpoints and the weights.",
        ),
        "export": (
            "mimica.cli.export:app",
            "Turn trained weights into the files that run without torch.",
        ),
        "convert": (
            "mimica.cli.convert:convert",
            "Turn a StyleGAN2 network of others into a model file. Nothing in the file is run, whatever it holds.",
        ),
    },
}
"""Panel of the help -> command -> `module:function` (or the group `module:app`), and what the help says."""
_ANSWERED_AT_ONCE = ("--help", "-h", "--version")


def is_overview(words: Sequence[str] | None) -> bool:
    """Whether the `words` after `mimica` ask for no command: for the list of them, or the version."""
    return words is not None and (not words or words[0] in _ANSWERED_AT_ONCE)


def register(app: typer.Typer, words: Sequence[str] | None = None) -> typer.Typer:
    """The command line with all its commands, or with those that the `words` after `mimica` need: the one that is named, or, for
    the help, only what it says of each."""
    named = words[0] if words and any(words[0] in commands for commands in COMMANDS.values()) else None
    only_listed = is_overview(words)
    for panel, commands in COMMANDS.items():
        for name, (target, says) in commands.items():
            if named is None or named == name:
                _add(app, name, panel, target, says if only_listed else None)
    return app


def _add(app: typer.Typer, name: str, panel: str, target: str, says: str | None) -> None:
    """One command, or with `says` no more than its line in the help."""
    module, function = target.split(":")
    if says is not None:
        command = typer.Typer(help=says) if function == "app" else _nothing
    else:
        command = getattr(importlib.import_module(module), function)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name, rich_help_panel=panel)
    else:
        app.command(name, rich_help_panel=panel, help=says)(command)


def _nothing() -> None:
    """Stands for a command that is only listed."""
