"""The benchmark's report: report.json with everything, report.md and report.html with tables, pictures beside them."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimica.evaluate.editing.run import Collected
from mimica.evaluate.editing.score import plain
from mimica.facs import AU_NAMES, EMOTIONS
from mimica.files import atomic_path
from mimica.pictures.contact_sheet import Cell, sheet
from mimica.pictures.images import write_image

Table = tuple[str, list[list[str]]]
"""A heading and rows; the first row names the columns."""
PICTURE = 150
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right}"
    "td:first-child,th:first-child{text-align:left}img{max-width:100%}"
)


def write_report(folder: Path, report: Mapping[str, Any], collected: Collected) -> None:
    """A new folder with the report; it appears whole or not at all."""
    pictures = dict(_pictures(collected))
    with atomic_path(folder, folder=True) as temporary:
        temporary.mkdir()
        (temporary / "report.json").write_text(json.dumps(plain(report), indent=1) + "\n", encoding="utf-8")
        for name, picture in pictures.items():
            write_image(temporary / name, picture, quality=88)
        (temporary / "report.md").write_text(markdown(report, list(pictures)), encoding="utf-8")
        (temporary / "report.html").write_text(as_html(report, list(pictures)), encoding="utf-8")


def _pictures(collected: Collected) -> Iterator[tuple[str, np.ndarray]]:
    """emotions.jpg: a row a photo; units.jpg: the first photo's units at 0, half and full."""
    samples, photos = collected.samples, list(dict.fromkeys(photo for photo, _, _ in collected.samples))
    rows = [
        [Cell(samples.get((photo, name, 0.0 if name == "zero" else 1.0)), "nothing asked" if name == "zero" else name)
         for name in ("zero", *EMOTIONS)]
        for photo in photos
    ]  # fmt: skip
    if rows:
        yield "emotions.jpg", sheet(rows, PICTURE)
        first = photos[0]
        strips = [[Cell(samples.get((first, name, dose)), f"{name} {dose:g}") for dose in (0.0, 0.5, 1.0)] for name in AU_NAMES]
        pairs = [strips[i] + (strips[i + 1] if i + 1 < len(strips) else []) for i in range(0, len(strips), 2)]
        yield "units.jpg", sheet(pairs, PICTURE)


def number(value: Any, digits: int = 2) -> str:
    """A figure with its interval, or a plain number."""
    if isinstance(value, list | tuple):
        mean, low, high = value
        return "–" if mean != mean else f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def tables(report: Mapping[str, Any]) -> Iterator[Table]:
    """All tables of a report."""
    yield "Pictures", _picture_rows(report["pictures"])
    for name, judge in report["judges"].items():
        title = f"Judge: {name}" + (" (ours)" if judge["ours"] else "")
        if judge["units"]:
            yield f"{title}, Action Units", _unit_rows(judge)
        yield f"{title}, emotions", _emotion_rows(judge)
    for name, judge in report.get("ceilings", {}).get("judges", {}).items():
        about = report["ceilings"]
        seen = f"{about['frames']} exactly labelled frames of {about['photos']} photos"
        yield f"{name}{' (ours)' if judge['ours'] else ''} on {seen}", _ceiling_rows(judge)


def _picture_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    rows = [["figure", "value"]]
    rows.append(["identity: distance of dlib's descriptors (one person: below 0.6)", number(figures["identity"], 3)])
    rows.append(["background: largest change outside the face, of 255 (must be 0)", number(figures["background_largest"], 0)])
    rows.append(["background: share of edits that touch it", number(figures["background_touched"], 3)])
    rows.append(["sharpness: result over photo", number(figures["sharpness"], 3)])
    rows.append(["nothing asked for: largest change, of 255 (must be 0)", number(figures["zero_difference"], 0)])
    rows.append(["seconds an edit, median", number(figures["seconds"], 3)])
    return [*rows, ["peak memory of the whole run, MiB", number(figures["peak_memory_mib"], 0)]]


def _unit_rows(judge: Mapping[str, Any]) -> list[list[str]]:
    columns = ("error", "leak", "gain", "linearity", "monotony")
    rows = [["", *columns], ["all that count", *(number(judge["all_units"].get(c)) for c in columns)]]
    for name, figures in judge["units"].items():
        label = name if name in judge["counted"] else f"({name})"
        rows.append([label, *(number(figures.get(column)) for column in columns)])
    return rows


def _emotion_rows(judge: Mapping[str, Any]) -> list[list[str]]:
    columns = ("error", "gain", "recognised")
    rows = [["", *columns], ["all", *(number(judge["all_emotions"].get(column)) for column in columns)]]
    rows += [[name, *(number(figures.get(c)) for c in columns)] for name, figures in judge["emotions"].items()]
    rows.append(["head pose drift, degrees", number(judge["pose_drift"]), "", ""])
    return [*rows, ["share of edits in which no face was found", number(judge["faces_lost"], 3), "", ""]]


def _ceiling_rows(judge: Mapping[str, Any]) -> list[list[str]]:
    rows = [["", "error", "gain", "linearity"]]
    rows += [[name, *(number(f[column]) for column in ("error", "gain", "linearity"))] for name, f in judge["units"].items()]
    return [*rows, ["leak", number(judge["leak"]), "", ""]]


def _head(report: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{report['photos']} photos, {report['edits']} edits, longer side at most {report['size']} pixels. Errors and leaks are "
        "on FACS's 0 to 5; in brackets 95% intervals over photos. What each figure is: docs/benchmark.md.",
        *(f"{name}: {judge['note']}" for name, judge in report["judges"].items()),
    ]
    return lines + list(report["missing"])


def markdown(report: Mapping[str, Any], pictures: Sequence[str]) -> str:
    """The report in Markdown."""
    parts = [f"# Benchmark of expression editing: {report['name']}", *_head(report)]
    for title, rows in tables(report):
        lines = ["| " + " | ".join(cells) + " |" for cells in rows]
        parts += [f"## {title}", "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])]
    return "\n\n".join([*parts, *(f"![{name}]({name})" for name in pictures)]) + "\n"


def as_html(report: Mapping[str, Any], pictures: Sequence[str]) -> str:
    """The same as one page."""
    title = html.escape(f"Benchmark of expression editing: {report['name']}")
    parts = [f"<h1>{title}</h1>", *(f"<p>{html.escape(line)}</p>" for line in _head(report))]
    for heading, rows in tables(report):
        tags = ["th", *["td"] * (len(rows) - 1)]
        lines = ["".join(f"<{t}>{html.escape(cell)}</{t}>" for cell in row) for t, row in zip(tags, rows, strict=True)]
        parts += [f"<h2>{html.escape(heading)}</h2>", "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"]
    parts += [f'<p><img src="{name}" alt="{name}"></p>' for name in pictures]
    return f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>' + "\n".join(parts) + "\n"
