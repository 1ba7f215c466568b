"""One source of every default: what an option of the command line is without being given, its parameter in the library is too.

The command line imports nothing heavy, so it repeats the library's defaults; this table keeps the two alike.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
import typer

from mimica.cli import app

CALLS: dict[str, str] = {
    "edit": "api:edit film.edit:edit_video engines.base:load_without_detail synthesize.edits:edit_many",
    "animate": "api:animate motion.predictor.predict:Predictor.predict",
    "drive": "drive:Drive drive:Drive.run drive:Drive.run_film motion.driving:read_driver api:animate",
    "live": "interactive.show:Live interactive.show:Live.run",
    "web": "web.settings:Settings web.address:settings_for",
    "grid": "api:prepare_face sheets:unit_sheet sheets:sample_sheet",
    "generate": "engines.stylegan.generate:Faces engines.stylegan.generate:pictures engines.stylegan.generate:Faces.write_mix "
    "engines.stylegan.generate:Faces.write_walk",
    "project": "engines.stylegan.invert:Search engines.stylegan.project:find",
    "transition": "engines.stylegan.transition:codes_of engines.stylegan.transition:ends_of "
    "engines.stylegan.transition:write_video",
    "read": "api:read",
    "expressions": "",
    "annotate": "annotate:annotate annotate.parts:annotate_parts",
    "merge": "jobs.merge:merge",
    "synthesize": "synthesize.settings:Settings synthesize.job:synthesize",
    "clean": "",
    "verify": "",
    "mark": "",
    "bench": "evaluate.bench:measured",
    "prepare": "prepare.faces:prepare prepare.sequences:prepare_sequences prepare.clips:prepare_clips "
    "prepare.vae:prepare prepare.masks:prepare prepare.wrinkles:prepare prepare.ffhq:prepare_ffhq "
    "prepare.latents:sample_latents prepare.latents:project_latents prepare.parts:prepare_parts",
    "train": "config:choose",
    "convert": "engines.stylegan.convert:saved",
    "attributes list": "engines.vae.edit:load_vae",
    "attributes fit": "engines.vae.attributes:fit_file",
    "attributes strip": "api:prepare_face engines.vae.edit:VaeEngine",
    "attributes reconstruct": "api:prepare_face engines.vae.sheets:held_out",
    "attributes samples": "engines.vae.sheets:samples",
    "attributes interpolate": "api:prepare_face engines.vae.sheets:interpolation",
    "directions fit": "engines.stylegan.directions_fit:fit_file",
    "directions list": "",
    "directions styleclip": "engines.stylegan.styleclip:global_direction",
    "directions show": "engines.stylegan.sheets:dose_sheet engines.stylegan.transition:codes_of",
    "benchmark editing": "evaluate.editing.benchmark:run_benchmark",
    "benchmark clips": "engines.baselines.video.generate:write_clips",
    "benchmark methods": "evaluate.methods:compare",
    "evaluate expressions": "evaluate.expressions:evaluate pictures.images:list_photos engines.base:load_engine",
    "evaluate acd": "evaluate.acd:evaluate",
    "evaluate driving": "evaluate.driving:evaluate",
    "evaluate film": "evaluate.film:evaluate",
    "evaluate pose": "evaluate.pose:evaluate evaluate.pose:sheet pictures.images:list_photos engines.base:load_engine",
    "evaluate predictor": "",
    "evaluate vae": "evaluate.vae:evaluate pictures.images:list_photos engines.vae.edit:load_vae",
    "evaluate attributes": "evaluate.attributes:evaluate",
    "evaluate directions": "evaluate.directions:evaluate_directions",
    "evaluate bias": "evaluate.bias:evaluate_bias",
    "evaluate projection": "evaluate.projection:evaluate evaluate.drawing:held_out",
    "evaluate generator": "evaluate.generator:evaluate",
    "evaluate official": "evaluate.official:measured",
    "evaluate restoring": "evaluate.drawing:held_out",
    "evaluate synthesis": "evaluate.synthesis:compare",
    "evaluate reader": "reader.read:Reader",
    "evaluate sheet": "evaluate.sheet:sheet",
    "export reader": "",
    "export ganimation": "",
    "export vae": "",
    "export stylegan": "",
    "export embedded": "engines.stylegan.convert:export_embedded",
    "export restorer": "",
}
"""Command -> the `module:function`s of Mimica to which its options go under their own names."""
EXCEPTIONS = {
    ("drive", "fps"): "not given, it is the video's; a video that is made from nothing has none to go by",
    ("annotate", "jobs"): "not given, every core works; a library call starts no processes unasked",
    ("prepare", "jobs"): "as for annotate",
}
"""Options whose defaults differ, and why."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(typer.main.get_command(app)))


def function(target: str) -> Callable[..., Any]:
    module, _, names = target.partition(":")
    found = import_module(f"mimica.{module}")
    for name in names.split("."):
        found = getattr(found, name)
    return found  # type: ignore[return-value]


def differences(command: Any, called: Callable[..., Any]) -> Iterator[tuple[str, Any, Any]]:
    """(option, default of the command line, default of the function) of those that differ."""
    parameters = inspect.signature(called).parameters
    for option in command.params:
        parameter = parameters.get(option.name)
        if parameter is not None and parameter.default is not inspect.Parameter.empty and parameter.default != option.default:
            yield option.name, option.default, parameter.default


def test_every_command_has_its_row() -> None:
    assert CALLS.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_command_line_and_library_have_the_same_defaults(name: str) -> None:
    pytest.importorskip("torch")
    for target in CALLS[name].split():
        called = function(target)
        options = {option.name for option in COMMANDS[name].params}
        assert options & inspect.signature(called).parameters.keys(), f"'{name}' has no option that goes to {target}"
        differing = [one for one in differences(COMMANDS[name], called) if (name, one[0]) not in EXCEPTIONS]
        assert not differing, f"{target}: (option, command line, library) {differing}"


def test_a_difference_is_seen() -> None:
    assert list(differences(COMMANDS["bench"], lambda photo, repeats=31: None)) == [("repeats", 30, 31)]
