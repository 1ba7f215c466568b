"""The list of commands without what typer's help loads and does not use here: rich's Markdown and tracebacks, which bring two
libraries along (markdown-it, pygments) and are a third of the time that `mimica --help` takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_HELP = "typer.rich_utils"
_UNUSED = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}
"""Modules that typer's help takes one name from each: of texts marked up as Markdown, and of errors that typer draws."""


@contextmanager
def unused_left_out() -> Iterator[None]:
    """Within the block typer's help finds empty classes in place of those of `_UNUSED`; afterwards it is loaded anew by whoever
    needs it. Nothing is done where it is loaded already."""
    if _HELP in sys.modules:
        yield
        return
    stands_in = {}
    for name, found in _UNUSED.items():
        if name not in sys.modules:
            stands_in[name] = sys.modules[name] = ModuleType(name)
            setattr(stands_in[name], found, type(found, (), {}))
    try:
        yield
    finally:
        for name, module in stands_in.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        if sys.modules.pop(_HELP, None) is not None:
            package = sys.modules["typer"]
            vars(package).pop(_HELP.rpartition(".")[2], None)
