"""The bars on stderr."""

import pytest

from mimica.cli.progress import bar, spinner


def use_all() -> None:
    with bar("reading", None) as line:
        line.to(1, 4)
        line.advance()
        line.files(3, 4, 10)
    with spinner() as line:
        line.measured(5, 2)
        line.faces(2)
        line.faces(2)
    with bar("searching", 2) as line:
        line.at(1, 0.5)


def test_nothing_is_shown_where_stderr_is_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    use_all()
    assert capfd.readouterr() == ("", "")


def test_a_terminal_sees_what_is_done(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    use_all()
    out, err = capfd.readouterr()
    assert out == ""
    for words in ("pictures/s", "3/4", "4 faces", "step 1, loss 0.5000", "1/2"):
        assert words in err, err
