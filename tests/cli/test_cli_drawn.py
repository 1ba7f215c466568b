"""Attributes that are drawn, as a user of the command line asks for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mimica.cli import app
from mimica.pictures.images import read_photo

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 2, str(result.exception)
    return result.exit_code, result.output


def test_edit_puts_them_on_and_shows_where(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    code, said = run("edit", PHOTO, "--attribute", "glasses=1:round,gold", "--attribute", "lipstick=1", "--masks", "-o", out)
    assert code == 0, said
    made, before = read_photo(out).rgb, read_photo(PHOTO).rgb
    assert made.shape == before.shape and 200 < (made != before).any(axis=2).sum() < 6000
    sheet = read_photo(tmp_path / "out_masks.png").rgb
    code, _ = run("edit", PHOTO, "--attribute", "rosy=0", "--masks", "-o", out)
    plain = read_photo(tmp_path / "out_masks.png").rgb
    assert code == 0 and np.array_equal(read_photo(out).rgb, before)
    assert sheet.shape[1] > plain.shape[1], "two masks more"


@pytest.mark.parametrize(
    ("asked", "words"),
    [("glasses=1:square", "no option of the attribute"), ("hairs=1", "did you mean 'hair'"), ("beard=9", "legal is 0 to 1.5")],
)
def test_what_there_is_not_is_said_and_nothing_written(asked: str, words: str, tmp_path: Path) -> None:
    code, said = run("edit", PHOTO, "--attribute", asked, "-o", tmp_path / "out.png")
    assert code == 2 and words in said and not (tmp_path / "out.png").exists()


def test_the_list_names_them_and_their_options() -> None:
    code, said = run("attributes", "list")
    assert code == 0
    assert [line for line in said.splitlines() if line.startswith("sunglasses") and "aviator" in line and "amber" in line]
