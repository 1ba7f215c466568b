"""Tables, lists and arrays: what is wrong with them is one sentence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from mimica.errors import DataError
from mimica.foreign import tables
from mimica.foreign.tables import read_array, read_json, read_parquet, read_rows, read_text


def test_rows_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbffile, x\r\n"a, b",1\r\nc\r\nd,2,3\r\n')
    assert read_rows(path, ("file",)) == [{"file": "a, b", "x": "1"}, {"file": "c", "x": ""}, {"file": "d", "x": "2"}]
    with pytest.raises(DataError, match="no column 'y'"):
        read_rows(path, ("y",))


@pytest.mark.parametrize(
    "content, words",
    [
        (b'file\n"' + b"a" * 140_000, "is a quote left open"),
        (b"file\nGro\xdfe\n", "save it as UTF-8"),
        (b"file\n", "no rows"),
        (b"", "no column"),
    ],
)
def test_other_tables_are_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_rows(tmp_path / "a.csv", ("file",))


def test_deep_and_endless_texts_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="no JSON"):
        read_json(tmp_path / "a.json")
    with pytest.raises(DataError, match="more than"):
        read_text(Path("/dev/zero"), 1_000_000)
    with pytest.raises(DataError, match="cannot be read"):
        read_text(tmp_path)


def npy(shape: str, kind: str = "<f4", data: bytes = b"") -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + data


@pytest.mark.parametrize(
    "content",
    [
        npy("(1000000000000,)"),
        npy("(2, 3)", data=b"x" * 23),
        npy("(-1,)"),
        npy("(2,)", "|O", bytes(16)),
        npy("[" * 3000),
        b"",
        b"PK\x03\x04",
    ],
)
def test_arrays_hold_what_they_say(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    for mapped in (False, True):
        with pytest.raises(DataError, match=r"a\.npy' is damaged, or no array of numbers"):
            read_array(path, mapped)
    whole = io.BytesIO()
    np.save(whole, np.arange(6.0).reshape(2, 3))
    path.write_bytes(whole.getvalue())
    assert np.array_equal(read_array(path), np.arange(6.0).reshape(2, 3))
    np.save(path, np.zeros((0, 3)))
    assert read_array(path).shape == (0, 3)


def test_parquet_expands_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "a.parquet"
    pandas.DataFrame({"file": ["x" * 1000] * 20_000}).to_parquet(path, compression="gzip")
    assert len(read_parquet(path, ["file"])) == 20_000
    with pytest.raises(DataError, match="cannot be read"):
        read_parquet(path, ["other"])
    pandas.DataFrame({"file": [f"{i:0200d}" for i in range(50_000)]}).to_parquet(path, compression="gzip")
    monkeypatch.setattr(tables, "_FREE", 0)
    monkeypatch.setattr(tables, "MAX_FACTOR", 3)
    with pytest.raises(DataError, match="expands to"):
        read_parquet(path)
    for content in (b"", b"PAR1" + bytes(50) + b"PAR1", path.read_bytes()[:-9]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="cannot be read"):
            read_parquet(path)
