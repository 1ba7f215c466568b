"""The comparison of section 6.3 of GANimation's paper: the same photos and emotions by several methods, a table and a figure.

The table has, for each method and judge, the classification error (table 1 of StarGAN's paper; 100 minus `recognised`) where the
judge names emotions, the Action Units' error and gain, and identity and sharpness. The figure has the paper's rows and columns:
methods, and the input with seven expressions. All see the same crops of the result: whole edited photos, cut out alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mimica.api import edit
from mimica.engines.base import Engine, load_engine
from mimica.errors import NoFaceError, UserError
from mimica.evaluate.expressions import Report, evaluate
from mimica.evaluate.judges.base import judges_at_work
from mimica.face.align import crop_from_photo, cut
from mimica.facs import EMOTIONS
from mimica.files import atomic_path, check_target
from mimica.pictures.contact_sheet import Cell, sheet
from mimica.pictures.images import read_photo, write_image
from mimica.reader.read import Reader, largest_face

COLUMNS: tuple[str, ...] = EMOTIONS[1:]
"""The seven expressions of the paper's figure."""
CELL = 144


def compare(
    photos: Sequence[Path],
    methods: Sequence[str],
    output: Path,
    *,
    judges: Sequence[str] = (),
    shown: int = 2,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Report]:
    """`methods` are written ENGINE or ENGINE=WEIGHTS, with NAME: in front where a row is to be called otherwise. Writes
    methods.md, methods.json and figure.jpg into the new folder `output`; gives the reports by method. `progress` is called after
    each method. Raises `UserError`s, before anything is edited."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"'{output}' is there already: name a new folder.")
    check_target(output, folder=True)
    engines, reports = {word: _engine(word) for word in methods}, {}
    with judges_at_work(judges) as opened:
        for word, engine in engines.items():
            reports[word] = evaluate(photos, engine, emotions=COLUMNS, judges=opened)
            progress()
    picture = figure(photos, engines, shown)
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        (temporary / "methods.json").write_text(json.dumps({w: asdict(r) for w, r in reports.items()}, indent=1) + "\n")
        (temporary / "methods.md").write_text(table(reports), encoding="utf-8")
        write_image(temporary / "figure.jpg", picture, quality=90)
    return reports


def _engine(word: str) -> Engine:
    name, _, weights = word.partition("=")
    return load_engine(name.rpartition(":")[2], Path(weights) if weights else None)


def called(word: str) -> str:
    """What the table and the figure call a method."""
    name = word.partition("=")[0]
    return name.rpartition(":")[0] or name


def figure(photos: Sequence[Path], engines: dict[str, Engine], shown: int) -> np.ndarray:
    """uint8 RGB: for each of the first photos with a face a row a method: its name, the input, seven expressions."""
    rows: list[list[Cell]] = []
    reader = Reader()
    for path in photos:
        if len(rows) >= shown * len(engines):
            break
        photo = read_photo(path).rgb
        try:
            matrix = crop_from_photo(largest_face(photo, reader=reader).landmarks_photo, CELL)
        except NoFaceError:
            continue
        for word, engine in engines.items():
            made = [Cell(cut(edit(photo, name, engine=engine).image, matrix, CELL), name) for name in COLUMNS]
            rows.append([Cell(None, called(word)), Cell(cut(photo, matrix, CELL), "input"), *made])
    return sheet(rows, CELL)


def table(reports: dict[str, Report]) -> str:
    """Markdown: a row a method."""
    names = list(dict.fromkeys(name for report in reports.values() for name in report.judges))
    parts = []
    for name in names:
        found = next(iter(reports.values())).judges[name]
        parts += [f"Judge: {name}{' (ours)' if found['ours'] else ''}. {found['note']}"]
        rows = [(word, report.judges[name]["table"]["all"]) for word, report in reports.items()]
        parts.append(_markdown(("method", "classification error, %", "AU error, 0 to 5", "gain"), rows, _judged))
    rows = [(word, report.table["all"]) for word, report in reports.items()]
    parts.append("The reader (ours), dlib's descriptors, and the Laplacian:")
    parts.append(_markdown(("method", "classification error, %", "identity", "sharpness"), rows, _measured))
    return "\n\n".join(parts) + "\n"


def _judged(figures: dict[str, float]) -> list[str]:
    wrong = f"{100 * (1 - figures['recognised']):.1f}" if "recognised" in figures else "–"
    return [wrong, *(f"{figures[name]:.2f}" if name in figures else "–" for name in ("error", "gain"))]


def _measured(figures: dict[str, float]) -> list[str]:
    wrong = f"{100 * (1 - figures['accuracy']):.1f}"
    return [wrong, *(f"{figures[name]:.3f}" if name in figures else "–" for name in ("identity", "sharpness"))]


def _markdown(
    columns: Sequence[str], rows: Sequence[tuple[str, dict[str, float]]], cells: Callable[[dict[str, float]], list[str]]
) -> str:
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*head, *(f"| {' | '.join([called(word), *cells(figures)])} |" for word, figures in rows)])
