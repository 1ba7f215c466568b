"""Jobs in parts: every input exactly once, whoever does the parts, whenever they are killed; errors are rows."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from shard_job import COLUMNS, Squares, expected, job, parts

from mimica.errors import DataError, UserError, ValueRangeError
from mimica.jobs.merge import merge
from mimica.jobs.part_tables import Column, check_format, count_rows, open_table, read_table
from mimica.jobs.shards import Processes, Share, cut, do_part, parse_share, run

SCRIPT = Path(__file__).with_name("shard_job.py")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def numbers(table: Path) -> list[int]:
    with table.open(newline="") as file:
        return [int(row["number"]) for row in csv.DictReader(file)]


def test_every_input_gives_its_rows_or_an_error(tmp_path: Path) -> None:
    seen: list[tuple[float, int]] = []
    totals = run(tmp_path / "out", job(), parts(23), Processes(), lambda done, total, pictures: seen.append((done, total)))
    assert (totals.parts, totals.kept, totals.inputs, totals.rows, totals.errors) == (5, 0, 23, len(expected(23)), 4)
    assert not totals.complete and seen[0] == (0.0, 23) and seen[-1][0] == pytest.approx(23)
    merged = merge(tmp_path / "out", tmp_path / "all.csv")
    assert numbers(tmp_path / "all.csv") == expected(23) and (merged.rows, merged.errors) == (len(expected(23)), 4)
    with (tmp_path / "all.errors.csv").open(newline="") as file:
        assert [row["input"] for row in csv.DictReader(file)] == ["0", "7", "14", "21"]
    with tarfile.open(tmp_path / "out" / "part-00001.tar") as tar:
        assert tar.getnames() == [f"{i:04d}.txt" for i in (5, 6, 8, 9)] and tar.getmembers()[0].mtime == 0


def test_shares_and_processes_give_the_same_bytes(tmp_path: Path) -> None:
    run(tmp_path / "one", job(), parts(23), Processes())
    for first in (3, 1, 2):
        run(tmp_path / "shares", job(), parts(23), Share(1, first, 3))
    run(tmp_path / "two", job(), parts(23), Processes(2))
    assert contents(tmp_path / "one") == contents(tmp_path / "shares") == contents(tmp_path / "two")


def test_a_part_that_is_there_is_not_done_again(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    run(tmp_path / "out", job(calls=calls), parts(23), Processes())
    (tmp_path / "out" / "part-00002.csv").unlink()
    calls.unlink()
    totals = run(tmp_path / "out", job(calls=calls), parts(23), Processes())
    assert totals.kept == 4 and calls.read_text().split() == [str(i) for i in range(10, 15)]


def test_two_that_do_the_same_part_at_once_leave_one(tmp_path: Path) -> None:
    """The twin of the raylet that dies: whoever took it for dead does the part again beside it."""
    work, folder = job(0.01), tmp_path
    both = [Thread(target=do_part, args=(parts(5)[0], folder, work, Squares(0.01), lambda *_: None)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(contents(folder)) == ["part-00000.csv", "part-00000.errors.csv", "part-00000.tar"]
    assert numbers(folder / "part-00000.csv") == expected(5)


def test_a_full_disk_ends_the_job_and_is_no_row(tmp_path: Path) -> None:
    class Full(Squares):
        def __call__(self, *_: object) -> object:
            raise UserError("the disk is full")

    with pytest.raises(UserError, match="disk is full"):
        do_part(parts(5)[0], tmp_path, job(), Full(), lambda *_: None)
    assert not contents(tmp_path)


def test_another_job_and_other_files_are_refused(tmp_path: Path) -> None:
    run(tmp_path / "out", job(), parts(5), Processes())
    with pytest.raises(DataError, match="another inputs"):
        run(tmp_path / "out", job(), parts(6), Processes())
    with pytest.raises(DataError, match="another settings"):
        run(tmp_path / "out", job(0.5), parts(5), Processes())
    with pytest.raises(UserError, match="other files"):
        run(tmp_path, job(), parts(5), Processes())


def test_a_merge_wants_all_parts(tmp_path: Path) -> None:
    run(tmp_path / "out", job(), parts(23), Share(1, 1, 2))
    with pytest.raises(UserError, match=r"2 are missing \(00001, 00003\)"):
        merge(tmp_path / "out", tmp_path / "all.csv")
    with pytest.raises(DataError, match=r"job\.json"):
        merge(tmp_path, tmp_path / "all.csv")
    assert not list(tmp_path.glob("all*"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_kills_lose_and_double_nothing(tmp_path: Path, kills: int = 4) -> None:
    """Twenty and more: `make chaos`."""
    rng, count, done = random.Random(kills), 60, 0
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(tmp_path / "out"), str(count), "0.02", "1"],
            stdout=subprocess.DEVNULL, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(rng.uniform(0.2, 1.5))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        whole = list((tmp_path / "out").glob("part-*[0-9].csv")) if (tmp_path / "out").exists() else []
        assert len(whole) >= done
        done = len(whole)
    run(tmp_path / "out", job(0.02), parts(count), Processes())
    merge(tmp_path / "out", tmp_path / "all.csv")
    assert numbers(tmp_path / "all.csv") == expected(count)
    run(tmp_path / "again", job(0.02), parts(count), Processes())
    assert contents(tmp_path / "out") == contents(tmp_path / "again")


def test_memory_is_flat_over_many_inputs(tmp_path: Path) -> None:
    """Peak memory of a job over 3,000 inputs is that over 200 and what their names take."""
    import tracemalloc

    def peak(count: int) -> int:
        tracemalloc.start()
        run(tmp_path / str(count), job(form="csv"), list(cut(range(count), 200)), Processes())
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(3000) - peak(200) < 3000 * 200


# --- cutting, shares, tables ----------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 7))
def test_parts_hold_each_input_once_and_in_order(items: list[int], size: int) -> None:
    made = list(cut(items, size, alone=lambda item: item == 0))
    assert [item for part in made for item in part.items] == items
    assert [part.number for part in made] == list(range(len(made)))
    assert all(len(part.items) <= size and (0 not in part.items or part.items == (0,)) for part in made)


@given(st.integers(0, 30), st.integers(1, 9))
def test_shares_take_each_part_once(count: int, of: int) -> None:
    all_parts = list(cut(range(count), 1))
    taken = [part.number for first in range(1, of + 1) for part in Share(1, first, of).own(all_parts)]
    assert sorted(taken) == [part.number for part in all_parts]


def test_a_share_is_written_as_i_of_n() -> None:
    assert parse_share("3/20") == (3, 20)
    for bad in ("0/3", "4/3", "3", "a/b", "/", "-1/3", "1/2/3"):
        with pytest.raises(ValueRangeError, match="3/20"):
            parse_share(bad)


_CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=12)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@settings(max_examples=25)
@given(rows=st.lists(st.tuples(_CELLS, st.floats(-1e6, 1e6), st.integers(-(2**40), 2**40)), max_size=8))
def test_tables_give_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, suffix: str, rows: list) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    path = tmp_path_factory.mktemp("table") / f"table{suffix}"
    with open_table(path, COLUMNS) as table:
        assert table.write([[text, repr(number), str(whole)] for text, number, whole in rows]) == len(rows)
    names, *found = read_table(path)
    assert names == ["input", "square", "number"] and count_rows(path) == len(rows)
    assert [(row[0], float(row[1]), int(row[2])) for row in found] == rows


def test_parquet_keeps_kinds_and_unknown_values(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
    with open_table(tmp_path / "t.parquet", [Column("a", "text"), Column("b"), Column("c", "whole")]) as table:
        table.write([["odd \udcff", "0.5", "3"], ["", "", ""]])
    read = parquet.read_table(tmp_path / "t.parquet")
    assert [str(field.type) for field in read.schema] == ["string", "double", "int64"]
    assert read.to_pylist() == [{"a": "odd \\xff", "b": 0.5, "c": 3}, {"a": "", "b": None, "c": None}]


def test_damaged_tables_and_unknown_formats_are_told(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="Parquet"):
        list(read_table(tmp_path / "t.parquet"))
    with pytest.raises(ValueRangeError, match="parquet, csv"):
        check_format("xls")


def test_what_a_merge_takes_for_a_job_is_checked(tmp_path: Path) -> None:
    for text in ("{", '{"kind": 1}', '{"kind": "a", "settings": {}, "columns": [["a", "b"]], "parts": 1, "format": "csv"}'):
        (tmp_path / "job.json").write_text(text)
        with pytest.raises(DataError, match="damaged"):
            merge(tmp_path, tmp_path / "all.csv")
