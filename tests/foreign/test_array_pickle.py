"""Python 2 pickles are read as plain numbers, and nothing in them runs."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimica.errors import DataError
from mimica.foreign.array_pickle import read_arrays

# What Python 2.7 with numpy 1.16 writes for {'a': np.array([0., 1.5, 5.])} with protocol 2: the bytes are a str, 'U'.
_HEAD = b"\x80\x02}q\x00U\x01aq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85q\x04U\x01bq\x05"
_DTYPE = b"\x87q\x06Rq\x07(K\x01K\x03\x85q\x08cnumpy\ndtype\nq\tU\x02f8q\nK\x00K\x01\x87q\x0bRq\x0c(K\x03U\x01<q\r"
_STATE = b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0eb\x89U\x18"
PYTHON_2 = _HEAD + _DTYPE + _STATE + np.array([0.0, 1.5, 5.0], "<f8").tobytes() + b"q\x0ftq\x10bs."


def test_a_python_2_pickle_is_read(tmp_path: Path) -> None:
    path = tmp_path / "aus.pkl"
    path.write_bytes(PYTHON_2)
    assert np.array_equal(read_arrays(path)["a"], [0.0, 1.5, 5.0])


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["<f8", ">f4", "<i4"])
def test_pickles_of_today_are_read(tmp_path: Path, protocol: int, kind: str) -> None:
    path = tmp_path / "aus.pkl"
    path.write_bytes(pickle.dumps({"a": np.array([0, 1, 5], kind), "b": [0.5, 2]}, protocol))
    read = read_arrays(path)
    assert np.array_equal(read["a"], [0, 1, 5]) and np.array_equal(read["b"], [0.5, 2])


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_rows_of_numpys_numbers_and_ordered_dictionaries_are_read(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "aus.pkl"
    shared = np.array([1.0, 2.0])
    table = OrderedDict(
        a=[np.float64(0.5), np.float32(2), 3], b=OrderedDict(AU10=np.float64(10), AU2=2, AU1=1), c=shared, d=shared,
        e=(np.int64(-1), np.uint8(200), np.bool_(True)),
    )  # fmt: skip
    path.write_bytes(pickle.dumps(table, protocol))
    read = read_arrays(path)
    assert list(read) == ["a", "b", "c", "d", "e"]
    assert np.array_equal(read["a"], [0.5, 2, 3]) and np.array_equal(read["b"], [1, 2, 10])
    assert np.array_equal(read["d"], [1, 2]) and np.array_equal(read["e"], [-1, 200, 1])


def test_numbers_that_many_rows_share_are_not_multiplied(tmp_path: Path) -> None:
    raw = np.zeros(50_000, np.uint8).tobytes()
    path = tmp_path / "aus.pkl"
    path.write_bytes(_sharing([f"r{i}" for i in range(300)], raw))
    with pytest.raises(DataError, match="same numbers"):
        read_arrays(path)


def _sharing(names: list[str], raw: bytes) -> bytes:
    """A table whose rows all are arrays of the same bytes."""
    first = pickle.dumps(raw, 5)[2 + 9 : -1]  # without PROTO, FRAME and STOP
    parts = [b"\x80\x05}(", first + b"0"]
    number = 0
    for name in names:
        parts.append(b"\x8c" + bytes([len(name)]) + name.encode())
        parts.append(b"cnumpy.core.numeric\n_frombuffer\n(h" + bytes([number]) + b"cnumpy\ndtype\n\x8c\x02u1\x85R")
        parts.append(b"J" + len(raw).to_bytes(4, "little") + b"\x85\x8c\x01CtR")
    return b"".join([*parts, b"u."])


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("evil",)


def test_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in ({"a": Evil()}, Evil()):
        Path("aus.pkl").write_bytes(pickle.dumps(content))
        with pytest.raises(DataError, match=r"wants to use .*nothing in it was run"):
            read_arrays(Path("aus.pkl"))
    assert not Path("evil").exists()


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "no plain table"),
        (PYTHON_2[:60], "no plain table"),
        (pickle.dumps([1]), "no dictionary"),
        (pickle.dumps({"a": "x"}), "not a row of numbers"),
        (pickle.dumps({"a": np.array(["x"], object)}, 2), "not a row of numbers"),
    ],
)
def test_other_contents_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "aus.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_arrays(path)
