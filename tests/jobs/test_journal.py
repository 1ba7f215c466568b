"""The journal: cut off anywhere, it holds the whole records before the cut and nothing else."""

import io
from pathlib import Path

import pytest

from mimica.errors import DataError, UserError
from mimica.jobs.journal import Journal

JOB = {"columns": ["a", "b"], "raw": False}


def contents(journal: Journal, key: str) -> bytes:
    target = io.BytesIO()
    journal.copy(key, target)
    return target.getvalue()


def write(path: Path, folder: Path) -> list[str]:
    (folder / "long").write_text("x,y\n" * 1000)
    with Journal(path, JOB) as journal:
        journal.add("one", "1,2\n")
        journal.add_file("two", folder / "long")
        journal.add("tüı\n", "ä,\n\n")
    return ["1,2\n", "x,y\n" * 1000, "ä,\n\n"]


def test_cut_off_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "job.part"
    texts = write(path, tmp_path)
    whole = path.read_bytes()
    ends = [whole.index(text.encode(), 60) + len(text.encode()) for text in texts]
    for cut in [*range(0, 160, 3), *range(len(whole) - 100, len(whole) + 1, 3), len(whole), 2000]:
        path.write_bytes(whole[:cut])
        with Journal(path, JOB) as journal:
            for key, text, end in zip(["one", "two", "tüı\n"], texts, ends, strict=True):
                assert (key in journal) == (cut >= end), (cut, key)
                if key not in journal:
                    journal.add(key, text)
                assert contents(journal, key) == text.encode()
        assert path.read_bytes() == whole


def test_damage_ends_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "job.part"
    write(path, tmp_path)
    path.write_bytes(path.read_bytes().replace(b"1,2\n", b"1,3\n"))
    with Journal(path, JOB) as journal:
        assert "one" not in journal and "two" not in journal


def test_a_record_again_replaces_the_first(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", JOB) as journal:
        journal.add("k", "old")
        journal.add("k", "new!")
        assert contents(journal, "k") == b"new!"


@pytest.mark.parametrize("text", ["something else", "{}\n", '{"columns": ["a"]}\n', "\n"])
def test_another_file_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "j").write_text(text)
    with pytest.raises(DataError, match="other settings"):
        Journal(tmp_path / "j", JOB)
    assert (tmp_path / "j").read_text() == text


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        Journal(tmp_path / "none" / "j", JOB)
