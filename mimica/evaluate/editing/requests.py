"""What the benchmark asks for: every photo with every Action Unit at five values and every emotion, and once with nothing.

A request is one line of requests.jsonl, which any tool can follow:

    id       photo/name/value
    photo    the photo's path; its largest face is meant
    file     what the result is to be called; another suffix of a picture will do
    kind     "unit", "emotion", or "zero": nothing is asked for
    name     AU12, happiness, or zero
    value    0 to 1, the intensity to be shown (FACS's 0 to 5 is five times that); 1 for an emotion
    set      Action Units to be shown by name; those that are not named stay as the photo has them. An emotion names all 34
             (L and R are the subject's sides)

A result has the photo's size in pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mimica.errors import DataError
from mimica.facs import AU_NAMES, EMOTIONS, emotion_controls
from mimica.files import atomic_path
from mimica.pictures.images import SUFFIXES

DOSES: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Request:
    """See the module's description."""

    id: str
    photo: str
    file: str
    kind: str
    name: str
    value: float
    set: Mapping[str, float]


def requests_for(photos: Sequence[Path], doses: Sequence[float] = DOSES, emotions: Sequence[str] = EMOTIONS) -> list[Request]:
    """The request list of some photos. Raises `DataError` where two photos have one name."""
    stems = [path.stem for path in photos]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise DataError(f"Two photos are called '{twice[0]}': results could not be told apart, rename one.")
    return [request for path in photos for request in _of_photo(path, doses, emotions)]


def _of_photo(path: Path, doses: Sequence[float], emotions: Sequence[str]) -> list[Request]:
    asked: list[tuple[str, str, float, Mapping[str, float]]] = [("zero", "zero", 0.0, {})]
    asked += [("unit", name, dose, {name: dose}) for name in AU_NAMES for dose in doses]
    asked += [("emotion", name, 1.0, emotion_controls(name)) for name in emotions]
    return [
        Request(f"{path.stem}/{name}/{v:.2f}", str(path), f"{path.stem}__{name}__{round(100 * v):03d}.png", kind, name, v, units)
        for kind, name, v, units in asked
    ]


def write_requests(requests: Sequence[Request], path: Path) -> None:
    """One JSON object a line; the file appears whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text("".join(json.dumps(asdict(request)) + "\n" for request in requests), encoding="utf-8")


def result_of(request: Request, folder: Path) -> Path | None:
    """The picture that a tool made for a request: its file name with any suffix of a picture; None where there is none."""
    stem = Path(request.file).stem
    for suffix in (".png", *sorted(SUFFIXES - {".png"})):
        if (folder / f"{stem}{suffix}").is_file():
            return folder / f"{stem}{suffix}"
    return None
