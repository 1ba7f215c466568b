"""`mimica prepare latents`: codes of many faces with what they show, for directions and the pseudo-autoencoder.

sample_latents    draws codes from the generator and has the reader say what the generated faces show
project_latents   projects the faces of a labelled set into W+: a prepared set of FFHQ crops, or a raw one of
                  `mimica.data.sources`. The labels of the set are kept; the reader measures what it does not have

A projection is one pass of the encoder, followed by `steps` of search where they are asked for, many faces at a time. What is
done is kept in a journal beside the output, NAME.part: the same command goes on where another one stopped.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from mimica.data.dataset import open_datasets, resized
from mimica.data.sources.base import Dropped
from mimica.engines.stylegan.codec import Codec, read_pictures, reading_rows
from mimica.engines.stylegan.latents import READ_COLUMNS, LatentSet, save_latents
from mimica.errors import DataError
from mimica.facs import AU_NAMES, to_dict
from mimica.jobs.journal import Journal
from mimica.prepare.faces import NO_FACE_SEEN, Cropper, Report, check_source, results
from mimica.reader.read import MIN_CONFIDENCE, Reader

PROJECTED_AT_ONCE = 32
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Item:
    """A face to be projected: an FFHQ crop, uint8 (S, S, 3), and what the set says of it."""

    name: str
    subject: str
    emotion: str
    image: np.ndarray
    values: Mapping[str, float]


def sample_latents(
    codec: Codec,
    count: int,
    output: Path,
    *,
    seed: int = 0,
    truncation: float = 1.0,
    reader: Reader | None = None,
    progress: Progress = lambda n: None,
) -> Report:
    """Write `count` sampled codes, less those in whose pictures the reader sees no face. Each is another person."""
    reader = reader or Reader(threads=1)
    codes = codec.sample(count, seed, truncation)
    readings = read_pictures(codec.decode(codes), reader, progress)
    kept = [i for i, one in enumerate(readings) if one.confidence >= MIN_CONFIDENCE]
    report = Report(len(kept), [Dropped(f"seed {seed}, {i}", NO_FACE_SEEN) for i in set(range(count)) - set(kept)])
    if not kept:
        raise DataError(f"The reader sees no face in any of {count} generated pictures; take another generator.")
    names = tuple(f"sample-{seed}-{i}" for i in kept)
    notes = {"seed": seed, "truncation": truncation, "read": "by Mimica's reader"}
    rows = reading_rows([readings[i] for i in kept])
    latents = LatentSet(
        f"{len(kept)} samples",
        codec.fingerprint,
        codec.num_ws,
        codes[kept],
        READ_COLUMNS,
        rows,
        names,
        names,
        ("",) * len(kept),
        notes,
    )
    save_latents(output, latents)
    return report


# --- projecting -----------------------------------------------------------------------------------------------------


def items_of(folder: Path, layout: str | None, size: int, jobs: int, limit: int, report: Report) -> Iterator[Item]:
    """The faces of a folder: with a `layout`, a raw set by the name of its source; without, a prepared set of FFHQ crops. What
    cannot be used is added to the `report`. Raises `DataError` and `ValueRangeError`."""
    if layout is None:
        yield from _prepared(folder, size, limit)
        return
    check_source(layout, folder)
    for result in results(layout, folder, Cropper(size, kind="ffhq"), jobs, limit):
        if isinstance(result, Dropped):
            report.dropped.append(result)
        elif result.raw.aligned:
            raise DataError(
                f"'{layout}' holds tight crops; latents need whole heads: prepare it with `mimica prepare ffhq` first."
            )
        else:
            known = {n: v for n, v in (result.raw.values or {}).items() if v == v}
            yield Item(result.raw.name, result.raw.subject, result.raw.emotion, result.image, known)


def _prepared(folder: Path, size: int, limit: int) -> Iterator[Item]:
    if not (folder / "dataset.json").is_file():
        raise DataError(f"{folder} is no prepared set of FFHQ crops; prepare one with `mimica prepare ffhq`, or say --layout.")
    faces = open_datasets([folder], "ffhq")
    for i in range(min(limit, len(faces)) if limit else len(faces)):
        values = to_dict(faces.values[i], faces.controls)
        yield Item(faces.names[i], faces.subjects[i], faces.emotions[i], faces.images([i], size)[0], values)


def project_latents(
    codec: Codec,
    folder: Path,
    output: Path,
    *,
    layout: str | None = None,
    steps: int = 0,
    jobs: int = 1,
    limit: int = 0,
    reader: Reader | None = None,
    progress: Progress = lambda n: None,
) -> Report:
    """Write the codes of a labelled set's faces. `progress` is called with the faces done, those of an earlier run too.

    Raises `DataError` where nothing can be used, `UserError` where the output cannot be written."""
    report, reader = Report(), reader or Reader(threads=1)
    items = items_of(folder, layout, codec.image_size, jobs, limit, report)
    first = next(items, None)  # before anything is written: what is no such set is refused here
    if first is None:
        raise DataError(f"Nothing in {folder} could be used. {report}.")
    job = {"generator": codec.fingerprint, "steps": steps, "layout": layout, "columns": list(READ_COLUMNS)}
    with Journal(output.with_name(output.name + ".part"), job) as journal:
        keys = []
        for batch in _batches(chain([first], items), PROJECTED_AT_ONCE):
            keys += [item.name for item in batch]
            waiting = [item for item in batch if item.name not in journal]
            for item, record in zip(waiting, _projected(codec, waiting, steps, reader), strict=True):
                journal.add(item.name, json.dumps(record))
            progress(len(batch))
        latents = _assembled(keys, journal, codec, folder.name, {"source": layout or folder.name, "steps": steps}, report)
        save_latents(output, latents)
        journal.remove()
    return report


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _projected(codec: Codec, batch: Sequence[Item], steps: int, reader: Reader) -> Iterator[dict[str, Any]]:
    """A record, in JSON's types, for each face: the code as base64 of float32."""
    if not batch:
        return
    pictures = np.stack([resized(item.image, codec.image_size) for item in batch])
    codes = codec.search(pictures, steps) if steps else codec.encode(pictures)
    readings = read_pictures(pictures, reader)
    for item, code, reading, row in zip(batch, codes, readings, reading_rows(readings), strict=True):
        yield {
            "subject": item.subject,
            "emotion": item.emotion,
            "confidence": reading.confidence,
            "values": {**to_dict(row, READ_COLUMNS), **item.values},
            "code": base64.b64encode(np.asarray(code, "<f4").tobytes()).decode(),
        }


def _assembled(
    keys: Sequence[str], journal: Journal, codec: Codec, title: str, notes: Mapping[str, Any], report: Report
) -> LatentSet:
    """The journal's records as a set, without those in which the reader sees no face; these are added to the `report`. Action
    Units that the set knows beyond the reader's become columns too."""
    kept: dict[str, dict[str, Any]] = {}
    for key in keys:
        record = json.loads(journal.read(key))
        if record["confidence"] >= MIN_CONFIDENCE:
            kept[key] = record
        else:
            report.dropped.append(Dropped(key, NO_FACE_SEEN))
    report.kept = len(kept)
    if not kept:
        raise DataError("The reader sees no face in any of the pictures; are they FFHQ crops?")
    records = list(kept.values())
    more = sorted({name for one in records for name in one["values"]} - set(READ_COLUMNS))
    columns = (*AU_NAMES, *more, *READ_COLUMNS[len(AU_NAMES) :])
    codes = np.stack([np.frombuffer(base64.b64decode(one["code"]), "<f4") for one in records])
    values = np.array([[one["values"].get(column, np.nan) for column in columns] for one in records], np.float32)
    subjects, emotions = (tuple(one[what] for one in records) for what in ("subject", "emotion"))
    shaped = codes.reshape(len(codes), codec.num_ws, codec.w_size)
    return LatentSet(title, codec.fingerprint, codec.num_ws, shaped, columns, values, tuple(kept), subjects, emotions, notes)
