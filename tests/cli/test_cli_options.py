"""Groups of options: what Typer sees, and what the command gets."""

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from mimica.cli.options import Source, Wanted, check_output, grouped
from mimica.errors import UserError, ValueRangeError


@dataclass(frozen=True)
class Size:
    width: Annotated[int, typer.Option("--width", help="Pixels.")] = 3
    height: Annotated[int, typer.Option("--height")] = 4


def test_a_group_is_given_as_its_fields_and_arrives_as_one() -> None:
    got = []

    @grouped
    def paint(name: Annotated[str, typer.Argument()], size: Size, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        """Paints."""
        got.append((name, size, loud))

    assert list(inspect.signature(paint).parameters) == ["name", "width", "height", "loud"] and paint.__doc__ == "Paints."
    app = typer.Typer()
    app.command()(paint)
    assert CliRunner().invoke(app, ["x", "--height", "9", "--loud"]).exit_code == 0
    assert CliRunner().invoke(app, ["y"]).exit_code == 0
    assert got == [("x", Size(3, 9), True), ("y", Size(), False)]
    assert "Pixels." in CliRunner().invoke(app, ["--help"]).stdout


NOT_MOVED = {"pose": None, "gaze": None, "look": None}


def test_repeated_expressions_and_units_are_joined() -> None:
    wanted = Wanted(["happy:0.5", "sad"], ["12=0.3", "6=1"], ["smile=1", "age=-1"], 0.7)
    joined = {"expression": "happy:0.5+sad", "au": "12=0.3,6=1", "attributes": "smile=1,age=-1", "intensity": 0.7} | NOT_MOVED
    assert wanted.arguments() == joined
    assert Wanted().arguments() == {"expression": None, "au": None, "attributes": None, "intensity": 1.0} | NOT_MOVED
    head = Wanted(pose=["yaw=3", "roll=1"], gaze=["x=2"], look="camera").arguments()
    assert (head["pose"], head["gaze"], head["look"]) == ("yaw=3,roll=1", "x=2", "camera")


def test_attributes_alone_leave_the_expression_to_the_photo() -> None:
    from mimica.motion.expression import PHOTO

    assert Wanted(attribute=["smile=1"]).target() == PHOTO
    assert Wanted(["happy"], attribute=["smile=1"]).target().label == "happiness"
    with pytest.raises(ValueRangeError, match="No expression"):
        Wanted().target()


def test_a_source_names_the_arguments_of_the_interface() -> None:
    from mimica import api

    for function in (api.edit, api.animate, api.prepare_face):
        assert set(Source().arguments()) <= set(inspect.signature(function).parameters)


def test_a_file_of_directions_goes_to_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    from mimica.cli.options import Source
    from mimica.engines import base

    monkeypatch.setattr(base, "load_with_directions", lambda name, weights, directions: (name, weights, directions))
    given = Source(engine="stylegan", directions=Path("age.pt")).arguments()
    assert given["engine"] == ("stylegan", None, Path("age.pt")) and "directions" not in given
    assert Source().arguments()["engine"] == "ganimation"


def test_what_would_fail_at_the_end_is_found_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_output(tmp_path / "a.png", (".png",), None)
    with pytest.raises(UserError, match="the name is too long"):
        check_output(tmp_path / f"{'a' * 300}.png", (".png",), None)
    with pytest.raises(UserError, match=r"already has files|folder with files"):
        check_output(tmp_path.parent, (".mp4",), None, folder=True)
    monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_blocks=100, f_bfree=0))
    with pytest.raises(UserError, match="the disk is full"):
        check_output(tmp_path / "a.png", (".png",), None)
    monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_blocks=0, f_bfree=0))
    check_output(tmp_path / "a.png", (".png",), None)


@pytest.mark.parametrize(
    "words",
    [
        ["export", "reader", "none.safetensors"],
        ["export", "ganimation", "none.safetensors"],
        ["export", "vae", "none.safetensors"],
        ["export", "stylegan"],
        ["evaluate", "sheet", "none"],
    ],
)
def test_commands_look_at_their_output_first(words: list[str], tmp_path: Path) -> None:
    from mimica.cli import app

    ended = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "none" / "a.txt")])
    assert isinstance(ended.exception, UserError) and "a.txt" in str(ended.exception)
