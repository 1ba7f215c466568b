"""Long lists in parts, as a user asks for them: what reaches the library, what is said, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from mimica.cli import app
from mimica.jobs.on_ray import Cluster
from mimica.jobs.shards import Processes, Share, Totals
from mimica.synthesize.settings import Settings

DONE = Totals(2, 1, 5, 7, 1)


class Caught:
    """Takes the place of a function of the library."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, where: str, gives: Any = DONE) -> None:
        self.given: tuple[tuple, dict[str, Any]] = ((), {})
        monkeypatch.setattr(where, self)
        self.gives = gives

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.given = arguments, named
        return self.gives


def said(words: str, code: int = 1) -> SimpleNamespace:
    result = CliRunner().invoke(app, words.split())
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return SimpleNamespace(error=str(result.exception), out="", err="")
    assert result.exit_code == code, result.output
    return SimpleNamespace(error="", out=result.stdout, err=result.stderr)


def test_annotate_fills_a_folder_by_the_driver_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Caught(monkeypatch, "mimica.annotate.parts.annotate_parts")
    shown = said("annotate photos -o aus -j 3 --part 50 --format csv --landmarks --raw")
    assert shown.out == "aus\n" and "2 parts (1 of them in an earlier run): 5 inputs, 7 rows, 1 errors." in shown.err
    named = call.given[1]
    assert (named["part"], named["format"], named["driver"]) == (50, "csv", Processes(3)) and named["landmarks"] and named["raw"]
    said("annotate photos -o aus -j 2 --shard 3/20")
    assert call.given[1]["driver"] == Share(2, 3, 20) and (call.given[1]["part"], call.given[1]["format"]) == (200, "parquet")
    said("annotate photos -o aus -j 2 --cluster local")
    assert call.given[1]["driver"] == Cluster("local", 2)
    said("annotate photos -o aus --cluster 10.0.0.1:6379")
    assert call.given[1]["driver"] == Cluster("10.0.0.1:6379", None)
    about = json.loads(said("annotate photos -o aus --json").out)
    assert about == {"output": "aus", "parts": 2, "kept": 1, "inputs": 5, "rows": 7, "errors": 1, "complete": False}


@pytest.mark.parametrize(
    "words, why",
    [
        ("annotate photos -o aus.csv --shard 1/2", "name a folder"),
        ("annotate photos -o - --cluster local", "name a folder"),
        ("annotate photos -o aus --shard 1/2 --cluster local", "two ways"),
        ("annotate photos -o aus --shard 3/2", "3/20"),
        ("edit photo.jpg -e happy --shard 1/2", "many photos"),
        ("annotate photos -o aus.csv --part 9", "folder of parts"),
        ("annotate photos -o aus.csv --format csv", "folder of parts"),
        ("edit photo.jpg -e happy --part 9", "many photos"),
        ("edit photo.jpg -e happy -j 2", "many photos"),
        ("edit photo.jpg -e happy -r", "many photos"),
        ("prepare folder photos -o out --format csv", "--shard or --cluster"),
        ("edit @list.txt -e happy -o out.jpg", "name a folder for them"),
        ("edit @list.txt -e happy", "--output"),
        ("synthesize photos -o data.tar", "without a suffix"),
        ("prepare vae photos -o out --shard 1/2", "by one machine"),
    ],
)
def test_what_cannot_be_is_one_sentence(words: str, why: str) -> None:
    assert why in said(words).error


def test_synthesize_passes_everything_on(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Caught(monkeypatch, "mimica.synthesize.job.synthesize", Totals(1, 0, 1, 13, 0))
    said("synthesize photos -o data --frames 5 --size 128 --renderer both --seed 3 --mesh --masks --flow --quality 80 -r -j 2", 0)
    (photos, output, settings), named = call.given
    assert (
        settings == Settings(5, 128, "both", 3, True, True, True, 80) and named["recursive"] and named["driver"] == Processes(2)
    )
    assert (photos, output) == ([Path("photos")], Path("data"))
    said("synthesize --identities generated --people 9 -o data", 0)
    assert call.given[0][0] == [] and (call.given[1]["identities"], call.given[1]["people"]) == ("generated", 9)
    assert call.given[0][2] == Settings()


def test_edit_takes_many_photos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    call = Caught(monkeypatch, "mimica.synthesize.edits.edit_many")
    (tmp_path / "photos").mkdir()
    said(f"edit {tmp_path / 'photos'} -e happy --intensity 0.5 --face 2 --visible-mark -r -j 1 --part 9 -o {tmp_path / 'out'}")
    (photos, output, asked), named = call.given
    assert (photos, output) == (tmp_path / "photos", tmp_path / "out") and asked == {"expression": "happy", "intensity": 0.5}
    assert named["label"] == "happiness" and named["options"]["face"] == "2" and named["marks"]["visible"] and named["recursive"]
    assert named["part"] == 9 and named["driver"] == Processes(1) and named["engine"]().name == "ganimation"
    said(f"edit requests.csv -o {tmp_path / 'out'} --shard 2/2 -j 1")
    assert call.given[0][2] == {} and call.given[1]["driver"] == Share(1, 2, 2)


def test_prepare_shares_a_face_set(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Caught(monkeypatch, "mimica.prepare.parts.prepare_parts")
    said("prepare folder photos -o parts --shard 1/2 --size 64 --as-is --limit 7 -j 1 --format csv")
    assert call.given[1]["driver"] == Share(1, 1, 2) and call.given[1]["size"] == 64 and call.given[1]["as_is"]
    assert call.given[1]["limit"] == 7 and call.given[1]["format"] == "csv" and call.given[0][0] == "folder"


def test_merge_joins_into_a_table_only_what_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from mimica.jobs.part_tables import Column
    from mimica.jobs.shards import Job, Part, begin, do_part

    job = Job("annotate", {}, (Column("input", "text"),), lambda: None, "csv")  # type: ignore[arg-type, return-value]
    part = Part(0, ("a",))
    begin(tmp_path / "parts", job, [part])
    do_part(part, tmp_path / "parts", job, lambda item, *_: [[item]], lambda *_: None)
    table = tmp_path / "all.csv"
    assert json.loads(said(f"merge {tmp_path / 'parts'} -o {table} --json", 0).out)["rows"] == 1
    assert table.read_text() == "input\na\n" and not (tmp_path / "all.errors.csv").exists()
    assert "become a table" in said(f"merge {tmp_path / 'parts'} -o {tmp_path / 'set'}").error
