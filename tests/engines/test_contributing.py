"""The engine that CONTRIBUTING.md shows is one: it is registered by one line, edits a photo from the command line, and keeps
the contract."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import test_contract as contract
from bright_mouth import reading
from typer.testing import CliRunner

from mimica.animation import prepare
from mimica.cli import app
from mimica.engines.base import REGISTRY, Engine, load_engine
from mimica.pictures.images import read_photo, write_image

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "toy_engine.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(REGISTRY, "toy", "toy_engine:load")
    monkeypatch.delitem(sys.modules, "toy_engine", raising=False)
    return load_engine("toy")


def test_the_toy_keeps_the_contract(engine: Engine, astronaut: np.ndarray) -> None:
    view = prepare(astronaut, [reading()], engine)
    contract.test_names_and_controls(engine)
    contract.test_the_photos_own_values_give_the_photo_back_bit_for_bit(engine, view)
    contract.test_shapes_ranges_and_borders(view)
    contract.test_layers_on_request(view)
    contract.test_an_expression_shows_and_what_lies_around_stays(view, "surprise")
    contract.test_render_is_deterministic_and_leaves_the_state_alone(engine, view)


def test_the_command_line_knows_it(
    engine: Engine, astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, detector: [reading()])
    write_image(tmp_path / "photo.png", astronaut)
    words = ["edit", tmp_path / "photo.png", "--engine", "toy", "--au", "25=1", "-o", tmp_path / "red.png"]
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    red = read_photo(tmp_path / "red.png").rgb.astype(int) - astronaut
    assert red[150, 223, 1] < -20, "the lips lost green"
