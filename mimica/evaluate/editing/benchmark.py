"""The benchmark from a request list to a report; what `mimica benchmark editing` runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mimica.engines.base import load_engine
from mimica.errors import UserError
from mimica.evaluate.editing.ceiling import ceilings
from mimica.evaluate.editing.report import write_report
from mimica.evaluate.editing.requests import Request
from mimica.evaluate.editing.run import collect
from mimica.evaluate.editing.score import Report, score
from mimica.evaluate.judges.base import judges_at_work
from mimica.files import check_target


def run_benchmark(
    requests: Sequence[Request],
    output: Path,
    *,
    judges: Sequence[str],
    engine: str = "ganimation",
    weights: Path | None = None,
    results: Path | None = None,
    ceiling: Path | None = None,
    name: str | None = None,
    size: int = 512,
    progress: Callable[[], None] = lambda: None,
) -> Report:
    """Writes the report into the new folder `output` and gives it. Judges are opened, and the folders looked at, before
    anything is edited. Raises `UserError`s for what is missing."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"'{output}' is there already: name a new folder for the report.")
    check_target(output, folder=True)
    if results is not None and not results.is_dir():
        raise UserError(f"There is no folder '{results}' with results.")
    title = name or (f"engine {engine}" if results is None else results.name)
    with judges_at_work(judges) as opened:
        loaded = load_engine(engine, weights) if results is None else None
        collected = collect(requests, opened, engine=loaded, results=results, size=size, progress=progress)
        report = score(collected, opened, name=title, size=size)
        if ceiling is not None:
            report["ceilings"] = ceilings(ceiling, opened)
    write_report(output, report, collected)
    return report
