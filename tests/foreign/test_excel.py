"""Tables of Excel's old format: read as rows, within limits. `small.xls` is made by xlwt: two sheets, five rows."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("xlrd")

from mimica.errors import DataError
from mimica.foreign import excel
from mimica.foreign.excel import read_xls

SMALL = Path(__file__).parent / "small.xls"


def test_rows_end_where_their_cells_do() -> None:
    assert read_xls(SMALL) == {
        "summary": [[1.0, "Neutral"], [2.0, "Happy"]],
        "Happy": [["subject", "AU6", "AU12"], [339.0, "", 1.0]],
    }


LIMITS = [("MAX_SHEETS", 1, "2 sheets"), ("MAX_ROWS", 3, "3 rows"), ("MAX_CELLS", 9, "9 cells"), ("MAX_BYTES", 5000, "more than")]


@pytest.mark.parametrize("limit, value, words", LIMITS)
def test_it_is_not_unfolded_beyond_limits(monkeypatch: pytest.MonkeyPatch, limit: str, value: int, words: str) -> None:
    monkeypatch.setattr(excel, limit, value)
    with pytest.raises(DataError, match=words):
        read_xls(SMALL)


def test_a_cell_in_the_far_corner_makes_no_grid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The number 339 lies in row 1, column 0; the file is changed so that it lies in row 65,534, column 255."""
    number = b"\x7e\x02\x0a\x00\x01\x00\x00\x00"  # RK, 10 bytes, row, column
    before, _, after = SMALL.read_bytes().rpartition(number)
    path = tmp_path / "far.xls"
    path.write_bytes(before + b"\x7e\x02\x0a\x00\xfe\xff\xff\x00" + after)
    rows = read_xls(path)["Happy"]
    assert len(rows) == 65535 and len(rows[-1]) == 256 and sum(map(len, rows)) < 300
    monkeypatch.setattr(excel, "MAX_ROWS", 60_000)
    with pytest.raises(DataError, match="60,000 rows"):
        read_xls(path)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04" + bytes(100), b"no table", SMALL.read_bytes()[:3000], SMALL.read_bytes()[:512]]
)
def test_what_is_none_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.xls").write_bytes(content)
    with pytest.raises(DataError, match=r"none of Excel's|is damaged"):
        read_xls(tmp_path / "a.xls")
