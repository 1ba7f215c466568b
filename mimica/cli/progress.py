"""The bars that long commands show on stderr while they work; where stderr is no terminal, nothing is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


class Bar:
    """One line of progress, as the work behind it sees it."""

    def __init__(self, progress: Progress, words: str, total: float | None) -> None:
        self._progress = progress
        self._line = progress.add_task(words, total=total)
        self._seen = self._done = 0

    def advance(self, steps: int = 1) -> None:
        """So many steps more are done."""
        self._progress.advance(self._line, steps)

    def to(self, done: float, total: float | None = None) -> None:
        """So many are done by now, of `total`, if that is known."""
        self._progress.update(self._line, completed=done, total=total)

    def say(self, words: str) -> None:
        """Show other words."""
        self._progress.update(self._line, description=words)

    def at(self, step: int, loss: float) -> None:
        """A search is at this step."""
        self._progress.update(self._line, completed=step, description=f"step {step}, loss {loss:.4f}")

    def kept(self, kept: int, dropped: int) -> None:
        """So many faces are kept, and photos dropped, by now."""
        self.say(f"{kept} faces, {dropped} photos dropped")

    def pictures(self, kept: int, dropped: int) -> None:
        """So many pictures are made, and photos dropped, by now."""
        self.say(f"{kept} pictures, {dropped} photos dropped")

    def measured(self, kept: int, dropped: int) -> None:
        """As `kept`, and how fast."""
        self.say(f"{kept} faces, {dropped} dropped{self._rate(kept + dropped, ', ')}")

    def frames(self, name: str, frames: int) -> None:
        """So many frames of a video are done."""
        self.say(f"{name}: {frames} frames")

    def faces(self, more: int) -> None:
        """So many faces more are done."""
        self._done += more
        self.say(f"{self._done} faces")

    def files(self, done: float, total: int, pictures: int) -> None:
        """So many files of `total` are done, and `pictures` more were read."""
        self._seen += pictures
        self.to(done, total)
        self.say(f"files{self._rate(self._seen, '  ')}")

    def _rate(self, pictures: int, before: str) -> str:
        elapsed = self._progress.tasks[0].elapsed
        return f"{before}{pictures / elapsed:.0f} pictures/s" if elapsed else ""


@contextmanager
def bar(words: str, total: float | None) -> Iterator[Bar]:
    """A bar with what is done, of how many, and the time left. None: how many there are is told later, or never."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    with _shown(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as progress:
        yield Bar(progress, words, total)


@contextmanager
def spinner() -> Iterator[Bar]:
    """For work whose end is not known: words that change, and the time passed."""
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    with _shown(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()) as progress:
        yield Bar(progress, "starting", None)


def _shown(*columns: ProgressColumn) -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
