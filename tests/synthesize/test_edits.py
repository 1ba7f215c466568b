"""`mimica edit` over many photos: one expression, a table of requests, errors as rows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mimica.cli.edit_many import are_many
from mimica.errors import DataError, UserError
from mimica.jobs.merge import merge
from mimica.jobs.part_tables import read_table
from mimica.pictures.images import read_comment, read_photo, write_image
from mimica.synthesize.edits import Request, edit_many

EXAMPLE = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_image(folder / "a.jpg", read_photo(EXAMPLE).rgb[:, 100:612][:400:2, ::2].copy())
    (folder / "b.jpg").write_bytes(b"no photo")
    (folder / "sub").mkdir()
    shutil.copy(folder / "a.jpg", folder / "sub" / "a.jpg")
    return folder


def test_a_folder_gets_one_expression(album: Path, tmp_path: Path) -> None:
    totals = edit_many(album, tmp_path / "out", {"expression": "sad"}, label="sadness", recursive=True, format="csv")
    assert (totals.rows, totals.errors) == (2, 1)
    _, *rows = read_table(tmp_path / "out" / "part-00000.csv")
    assert [row[1] for row in rows] == ["part-00000/a_sadness.jpg", "part-00000/a_sadness_2.jpg"]
    made = tmp_path / "out" / rows[0][1]
    assert "edited by Mimica" in str(read_comment(made)) and (read_photo(made).rgb != read_photo(album / "a.jpg").rgb).any()
    assert edit_many(album, tmp_path / "out", {"expression": "sad"}, label="sadness", recursive=True, format="csv").kept == 1


def test_a_table_asks_each_photo_for_its_own(album: Path, tmp_path: Path) -> None:
    table = album / "requests.csv"
    table.write_text("photo,expression,au,intensity\na.jpg,happy,,0.5\na.jpg,,12=0.8,\na.jpg,nonsense,,\na.jpg,happy,,lots\n")
    totals = edit_many(table, tmp_path / "out", {}, format="csv")
    merge(tmp_path / "out", tmp_path / "all.csv")
    assert (totals.rows, totals.errors) == (2, 2)
    outputs = [row[1] for row in list(read_table(tmp_path / "all.csv"))[1:]]
    assert outputs == ["part-00000/a_happy_0.5.jpg", "part-00000/a_12=0.8.jpg"]
    first, second = ((tmp_path / "out" / name).read_bytes() for name in outputs)
    assert first != second
    assert "no expression" in (tmp_path / "all.errors.csv").read_text() and "lots" in (tmp_path / "all.errors.csv").read_text()


def test_tables_are_checked(album: Path, tmp_path: Path) -> None:
    for text, words in (("file\na.jpg\n", "photo"), ("photo,mood\na.jpg,happy\n", "mood"), ("photo\n", "photo|rows")):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(DataError, match=words):
            edit_many(tmp_path / "t.csv", tmp_path / "out", {}, format="csv")
    (tmp_path / "t.csv").write_text("photo\na.jpg\n")
    with pytest.raises(UserError, match="table of requests"):
        edit_many(tmp_path / "t.csv", tmp_path / "out", {"expression": "happy"}, format="csv")


def test_what_names_many_photos(album: Path) -> None:
    assert all(are_many(path) for path in (album, Path("@list.txt"), Path("a.tar"), Path("r.csv"), Path("r.parquet")))
    assert not are_many(EXAMPLE) and not are_many(Path("-"))
    assert Request(Path("x.jpg"), {"au": "12=0.8,6/5", "face": "2"}).label == "12=0.8_6_5"
