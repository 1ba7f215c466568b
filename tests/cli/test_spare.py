"""The list of commands comes without the libraries that it does not use, and nothing of that is left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mimica.cli.spare import unused_left_out

_TOLD = "import sys, mimica.cli as c\ntry: c.main()\nexcept SystemExit: print(*sys.modules, file=open(sys.argv[2], 'w'))"
_AFTER = """
import sys
from pathlib import Path
from mimica.cli.spare import unused_left_out
with unused_left_out():
    import typer.rich_utils
    assert not hasattr(typer.rich_utils.Markdown, 'parsed')
from typer import rich_utils
assert rich_utils.Markdown.__init__ is not object.__init__ and rich_utils.Traceback.from_exception
assert 'markdown_it' in sys.modules
"""


def _help(words: list[str], before: str = "") -> str:
    command = [sys.executable, "-c", f"{before}\nfrom mimica.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_list_is_the_same_with_all_libraries_and_with_few(tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    subprocess.run([sys.executable, "-c", _TOLD, "--help", str(loaded)], capture_output=True, check=True)
    modules = set(loaded.read_text().split())
    assert "typer" in modules and "rich.panel" in modules
    assert not {"markdown_it", "pygments", "rich.markdown"} & modules
    told = _help(["--help"])
    assert "animate" in told and told == _help(["--help"], "import typer.rich_utils")


def test_afterwards_everything_is_there() -> None:
    subprocess.run([sys.executable, "-c", _AFTER], check=True)


def test_what_is_loaded_already_stays() -> None:
    from typer import rich_utils

    markdown = sys.modules["rich.markdown"]
    with unused_left_out():
        assert sys.modules["rich.markdown"] is markdown and sys.modules["typer.rich_utils"] is rich_utils
    assert sys.modules["typer.rich_utils"] is rich_utils
