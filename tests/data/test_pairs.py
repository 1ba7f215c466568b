"""labels.jsonl: grouped by photo, in order, the unchanged frame first; mistakes are told with their line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mimica.data.pairs import by_source, is_pairs_folder, read_rows, source_first
from mimica.errors import DataError


def line(file: str, source: str, unchanged: bool = False) -> str:
    return json.dumps({"file": file, "source_id": source, "is_source": unchanged})


def test_rows_are_grouped_in_their_order(tmp_path: Path) -> None:
    lines = [line("b1", "b"), line("a1", "a"), "", line("a0", "a", True), line("a2", "a")]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines))
    groups = by_source(read_rows(tmp_path))
    assert list(groups) == ["b", "a"] and [row["file"] for row in groups["a"]] == ["a1", "a0", "a2"]
    assert [row["file"] for row in source_first(groups["a"])] == ["a0", "a1", "a2"]
    assert is_pairs_folder(tmp_path) and not is_pairs_folder(tmp_path / "none")


@pytest.mark.parametrize("bad", ["{}", "[1]", "3", "{", '{"file": "x", "source_id": "y"}'])
def test_a_line_that_is_no_frame_is_told(tmp_path: Path, bad: str) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(line("a", "a", True) + "\n" + bad)
    with pytest.raises(DataError, match="Line 2 of"):
        read_rows(tmp_path, other)
    with pytest.raises(DataError, match=r"no labels\.jsonl"):
        read_rows(tmp_path)
