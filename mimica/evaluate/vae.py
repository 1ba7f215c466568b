"""`mimica evaluate vae`: reconstruction of training and held-out faces, and attribute edits judged by others than the VAE.

Reconstruction, on photos (not on re-animated frames): SSIM (Z. Wang et al. 2004, window of 11), mean absolute error on the scale
of [0, 1], both over the whole crop, and Dice of the predicted head mask at 0.5 against the data's.

Edits: every attribute is raised by `DOSE` in every photo, with mean-difference and with de-correlated vectors. What the reader
can read (smile, open mouth, brows, lids, pose) the reader judges; of the rest (age, hair, glasses ...) a probe: ridge regression
from the pixels of small crops to the attribute, fitted on the training photos, whose own correlation on held-out photos is said.

    rises    share of the photos in which the judge sees more of the attribute
    change   mean change of the attribute, in standard deviations over the photos
    moved    mean absolute change of all other attributes with a judge, in their standard deviations
    drag     `moved` for each standard deviation of the attribute's own change: what is dragged along

Pairs, where the data have some: see `mimica.evaluate.vae_pairs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.animation import prepare, render_frame
from mimica.engines.vae.codec import Codec
from mimica.engines.vae.data import VaeData, spread
from mimica.engines.vae.edit import VaeEngine
from mimica.errors import NoFaceError
from mimica.evaluate.vae_pairs import PairReport, on_pairs, on_real, sharpness, trap
from mimica.face.align import cut
from mimica.metrics import pearson
from mimica.pictures.images import read_photo
from mimica.pictures.pixels import to_signed, to_unit
from mimica.prepare.vae import measured
from mimica.reader.read import FaceReading, Reader, largest_face

DOSE = 1.5
READ = ("smile", "open_mouth", "raised_brows", "frown", "closed_eyes", "turned", "nodding")
"""Attributes that the reader judges."""
_PROBE = 24
"""Side in pixels of the crops that probes look at."""


@dataclass
class Report:
    """`reconstruction[part][figure]` for `training` and `held out`; `edits[variant][attribute][figure]`; `judges[attribute]`: the
    reader, or the probe's correlation on held-out photos; `missing`: sentences."""

    faces: dict[str, int] = field(default_factory=dict)
    reconstruction: dict[str, dict[str, float]] = field(default_factory=dict)
    photos: int = 0
    judges: dict[str, str] = field(default_factory=dict)
    edits: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    pairs: PairReport = field(default_factory=PairReport)
    missing: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(
    data: VaeData, photos: Sequence[Path], engine: VaeEngine, *, most: int = 400, progress: Callable[[], None] = lambda: None
) -> Report:
    """At most `most` photos of either part of `data` for the reconstruction, all `photos` for the edits. `progress` is called
    after each photo. Raises `NoFaceError` where there are photos but none has a face."""
    report = Report()
    for name, held_out in (("training", False), ("held out", True)):
        rows = spread(_photos(data, held_out), most)
        report.faces[name] = len(rows)
        if rows:
            report.reconstruction[name] = reconstruction(
                engine.codec, np.asarray(data.images[rows]), np.asarray(data.masks[rows])
            )
    report.pairs = _pairs(data, engine)
    if photos:
        _edits(report, data, photos, engine, progress)
    return report


def _photos(data: VaeData, held_out: bool) -> np.ndarray:
    return np.array([row for row in data.rows(held_out) if data.names[row] == data.photos[row]], np.int64)


def _pairs(data: VaeData, engine: VaeEngine) -> PairReport:
    """What was learnt from pairs; see `mimica.evaluate.vae_pairs`."""
    report, photos = on_pairs(data, engine), _photos(data, held_out=True)
    training = _photos(data, held_out=False)
    known = [name for name in ("glasses", "beard", "dark_hair") if name in data.attributes]
    if not (report.drawn and len(photos) and known):
        return report
    probe = fit_probe(data, training, known)
    probes: dict[str, Callable[[np.ndarray], np.ndarray]] = {name: partial(_one_of, probe, i) for i, name in enumerate(known)}
    on_real(report, data, engine, photos, probes)
    trap(report, data, engine, training, photos, probes)
    sharpness(report, data, engine.codec, np.array(spread(photos, 60)))
    return report


def _one_of(probe: Probe, place: int, crops: np.ndarray) -> np.ndarray:
    """(N,) values of one attribute of a probe."""
    values: np.ndarray = probe(crops)[:, place]
    return values


def reconstruction(codec: Codec, pictures: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """uint8 (N, S, S, 3) and head masks uint8 (N, S, S) -> SSIM, MAE and Dice of what the VAE makes of them."""
    import torch

    from mimica.engines.vae.losses import mae_loss, ssim_map

    decoded, predicted = codec.decode(codec.encode(pictures))
    a, b = (to_signed(torch.from_numpy(p).permute(0, 3, 1, 2)) for p in (pictures, np.rint(decoded).clip(0, 255)))
    return {"SSIM": ssim_map(a, b).mean().item(), "MAE": mae_loss(a, b).item(), "Dice": dice(predicted > 0.5, masks > 127)}


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """2 |A and B| / (|A| + |B|) of bool masks (N, H, W), mean over N; two empty masks agree."""
    both, sizes = (a & b).sum((1, 2)), a.sum((1, 2)) + b.sum((1, 2))
    return float(np.where(sizes > 0, 2 * both / np.maximum(sizes, 1), 1.0).mean())


# --- edits ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """Ridge regression from the pixels of a crop to attributes: `weights` (pixels + 1, attributes)."""

    attributes: tuple[str, ...]
    weights: np.ndarray

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, S, S, 3) ffhq crops -> (N, attributes)."""
        values: np.ndarray = _pixels(crops) @ self.weights
        return values


def _pixels(crops: np.ndarray) -> np.ndarray:
    small = [cv2.resize(np.asarray(crop), (_PROBE, _PROBE), interpolation=cv2.INTER_AREA).ravel() for crop in crops]
    return np.column_stack([to_unit(np.array(small)) - 0.5, np.ones(len(small))])


def fit_probe(data: VaeData, rows: np.ndarray, attributes: Sequence[str], ridge: float = 30.0) -> Probe:
    """A probe for each of the attributes, from the faces of `rows` for which it is known."""
    columns = []
    for name in attributes:
        values = data.values_of(name)[rows]
        known = np.isfinite(values)
        x = _pixels(np.asarray(data.images[rows[known]]))
        penalty = ridge * np.eye(x.shape[1])
        penalty[-1, -1] = 0
        columns.append(np.linalg.solve(x.T @ x + penalty, x.T @ values[known]))
    return Probe(tuple(attributes), np.stack(columns, 1) if columns else np.zeros((3 * _PROBE**2 + 1, 0)))


def _edits(report: Report, data: VaeData, photos: Sequence[Path], engine: VaeEngine, progress: Callable[[], None]) -> None:
    read = [name for name in READ if name in engine.attributes]
    training = _photos(data, held_out=False)
    told = [name for name in data.attributes if np.nanstd(data.values_of(name)[training]) > 0]
    probed = [name for name in engine.attributes if name not in READ and name in told]
    probe = fit_probe(data, training, probed)
    held_out = _photos(data, held_out=True)
    seen = probe(np.asarray(data.images[held_out])) if len(held_out) else np.zeros((0, len(probed)))
    report.judges = dict.fromkeys(read, "reader") | {
        name: f"probe, r {pearson(seen[:, i], data.values_of(name)[held_out]):.2f}" for i, name in enumerate(probed)
    }
    before: list[np.ndarray] = []
    after: dict[tuple[str, str], list[np.ndarray]] = {}
    reader = Reader()
    for path in photos:
        photo = read_photo(path).rgb
        try:
            reading = largest_face(photo, reader=reader)
        except NoFaceError:
            report.missing.append(f"{path}: no face was found")
            continue
        prepared = prepare(photo, [reading], engine)
        matrix = prepared.faces[0].crop_from_photo * (data.image_size / engine.image_size)

        def judge(frame: np.ndarray, reading: FaceReading = reading, matrix: np.ndarray = matrix) -> np.ndarray:
            again = measured(reader.read_aligned(frame, [reading.landmarks_photo])[0])
            return np.array([*(again[name] for name in read), *probe(cut(frame, matrix, data.image_size)[None])[0]])

        before.append(judge(photo))
        for variant in ("mean difference", "de-correlated"):
            engine.plain = variant == "mean difference"
            for name in [*read, *probed]:
                after.setdefault((variant, name), []).append(judge(render_frame(prepared, [{name: DOSE}])))
        engine.plain = False
        progress()
    if not before:
        raise NoFaceError("None of the photos has a face that could be used.")
    report.photos = len(before)
    report.edits = _figures([*read, *probed], np.array(before), {key: np.array(rows) for key, rows in after.items()})


def _figures(
    names: Sequence[str], before: np.ndarray, after: dict[tuple[str, str], np.ndarray]
) -> dict[str, dict[str, dict[str, float]]]:
    """The figures of the module's description; `before` (photos, attributes), `after[variant, attribute]` likewise."""
    scale = before.std(0) + 1e-6
    table: dict[str, dict[str, dict[str, float]]] = {}
    for (variant, name), values in after.items():
        change, place = (values - before) / scale, list(names).index(name)
        own, others = change[:, place], np.delete(change, place, axis=1)
        table.setdefault(variant, {})[name] = {
            "rises": float((own > 0).mean()),
            "change": float(own.mean()),
            "moved": float(np.abs(others).mean()),
            "drag": float(np.abs(others).mean() / max(abs(own.mean()), 1e-6)),
        }
    for rows in table.values():
        rows["mean"] = {figure: float(np.mean([row[figure] for row in rows.values()])) for figure in next(iter(rows.values()))}
    return table
