"""Part of `mimica evaluate vae`: what the VAE has learnt from pairs, on pairs of held-out people.

drawn     for every switch, the mean error in levels where the truth changes (some channel by more than `CHANGED` levels, at the
          network's size): of the photo as it is, of the decoder's picture by the constant step, and by the
              translator, and of what the engine makes of the photo
erased    the same for drawn glasses and beards that the eraser takes away again
real      held-out photos labelled to wear glasses, or a beard, by hand: in how many a probe no longer sees them
trap      blond hair and glasses: what a step for blond hair does to both, in standard deviations of their probes, if it is
          fitted on training photos in which the two go together
    sharp     held-out photos, what is decoded of them, and that drawn sharp by the restoring network: mean absolute error on the
              scale of [0, 1], and the variance of the Laplacian over the photo's, all at the network's size
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from mimica.engines.vae.attributes import decorrelated, mean_difference
from mimica.engines.vae.codec import Codec
from mimica.engines.vae.data import VaeData
from mimica.engines.vae.edit import VaeEngine
from mimica.engines.vae.pair_source import Pair, drawn_pairs
from mimica.engines.vae.stages import latents, rebuilt, sorted_steps
from mimica.face.overlay import enlarged
from mimica.face.restore import SIZE, Restorer, weights_for

CHANGED = 25.0
MOST = 60
"""Pairs of an attribute that are looked at."""
OTHERS = 12
"""Faces of each of the two rarer kinds that the trap's set holds."""
Probe = Callable[[np.ndarray], np.ndarray]


@dataclass
class PairReport:
    """`drawn[switch]`: pairs, untouched, constant step, decoded, in photo; `erased[what]`: pairs, untouched, decoded;
    `real[what]`: photos, gone; `trap[vector]`: blond, glasses; `sharp[picture]`: MAE, sharpness."""

    drawn: dict[str, dict[str, float]] = field(default_factory=dict)
    erased: dict[str, dict[str, float]] = field(default_factory=dict)
    real: dict[str, dict[str, float]] = field(default_factory=dict)
    trap: dict[str, dict[str, float]] = field(default_factory=dict)
    sharp: dict[str, dict[str, float]] = field(default_factory=dict)


def on_pairs(data: VaeData, engine: VaeEngine) -> PairReport:
    """The first two tables, of held-out pairs of the data."""
    report, switches = PairReport(), engine.vectors.switches
    pairs = drawn_pairs(data, switches, validation=True)
    for number, name in enumerate(switches):
        mine = [pair for pair in pairs if pair.switch == number][:MOST]
        if mine:
            report.drawn[name] = _mean([_edited(data, engine, name, pair) for pair in mine])
    for kind, name in enumerate(("eyewear", "facial hair")):
        mine = [pair for pair in pairs if pair.erased == kind][: 2 * MOST]
        if mine and engine.codec.is_map:
            report.erased[name] = _mean([_undone(data, engine.codec, kind, pair) for pair in mine])
    return report


def _edited(data: VaeData, engine: VaeEngine, name: str, pair: Pair) -> dict[str, float]:
    photo, truth = (np.asarray(data.images[row]) for row in (pair.photo, pair.row))
    z = engine.codec.encode(photo[None])[0]
    steps = sorted_steps(engine.vectors, np.zeros_like(z), {name: pair.dose}, plain=False)
    constant = z + np.float32(pair.dose) * engine.vectors.of(name)
    decoded, _ = engine.codec.decode(np.stack([z, constant, latents(engine.codec, engine.vectors, z, steps)[-1]]))
    made, reach, _ = rebuilt(engine.codec, engine.vectors, photo, z, decoded[0], steps)
    shown = photo + reach[..., None] * (made - photo)
    return _errors(truth, {"untouched": photo, "constant step": decoded[1], "decoded": decoded[2], "in photo": shown}, photo)


def _undone(data: VaeData, codec: Codec, kind: int, pair: Pair) -> dict[str, float]:
    truth, drawn = (np.asarray(data.images[row]) for row in (pair.photo, pair.row))
    decoded, _ = codec.decode(codec.erase(codec.encode(drawn[None]), kind))
    return _errors(truth, {"untouched": drawn, "decoded": decoded[0]}, drawn)


def _errors(truth: np.ndarray, pictures: Mapping[str, np.ndarray], before: np.ndarray) -> dict[str, float]:
    """Mean absolute errors where truth and what was there before differ; nothing where they do not."""
    changed = np.abs(truth.astype(np.float32) - before).max(2) > CHANGED
    if not changed.any():
        return {}
    return {name: float(np.abs(picture - truth.astype(np.float32))[changed].mean()) for name, picture in pictures.items()}


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    seen = [row for row in rows if row]
    names = seen[0] if seen else {}
    return {"pairs": float(len(seen)), **{name: float(np.mean([row[name] for row in seen])) for name in names}}


def on_real(report: PairReport, data: VaeData, engine: VaeEngine, rows: np.ndarray, probes: Mapping[str, Probe]) -> None:
    """The third table: `rows` are held-out photos, `probes` say of crops uint8 (N, S, S, 3) how much glasses, or beard, they see.
    What the photo becomes is looked at, not the decoder's picture."""
    for kind, name in enumerate(("glasses", "beard")):
        if name not in probes or not engine.codec.is_map:
            continue
        values = data.values_of(name)[rows]
        seen = probes[name](np.asarray(data.images[rows]))
        wearing, free = rows[values > 0.5], seen[values < 0.5]
        middle = (seen[values > 0.5].mean() + free.mean()) / 2 if len(wearing) and len(free) else np.nan
        worn = np.array([row for row, one in zip(wearing, seen[values > 0.5], strict=True) if one > middle], np.int64)
        if not len(worn):
            continue
        made = np.stack([_without(engine, np.asarray(data.images[row]), kind) for row in worn])
        report.real[name] = {"photos": float(len(worn)), "gone": float((probes[name](made) < middle).mean())}


def _without(engine: VaeEngine, photo: np.ndarray, kind: int) -> np.ndarray:
    name = ("glasses", "beard")[kind]
    z = engine.codec.encode(photo[None])
    decoded, _ = engine.codec.decode(z)
    steps = sorted_steps(engine.vectors, np.zeros_like(z[0]), {name: -1.0}, plain=False)
    made, reach, _ = rebuilt(engine.codec, engine.vectors, photo, z[0], decoded[0], steps)
    return np.asarray(np.rint(np.clip(photo + reach[..., None] * (made - photo), 0, 255)).astype(np.uint8))


def trap(
    report: PairReport, data: VaeData, engine: VaeEngine, training: np.ndarray, photos: np.ndarray, probes: Mapping[str, Probe]
) -> None:
    """The fourth table, from rows of training and of held-out photos; nothing where the labels are not there."""
    if not {"dark_hair", "glasses"} <= set(data.attributes) or not {"dark_hair", "glasses"} <= set(probes):
        return
    dark, glasses = (data.values_of(name)[training] for name in ("dark_hair", "glasses"))
    low, high = np.nanpercentile(dark, (30, 60))
    kinds = [(dark < low) & (glasses > 0.5), (dark > high) & (glasses < 0.5)]
    rare = [(dark < low) & (glasses < 0.5), (dark > high) & (glasses > 0.5)]
    chosen = np.concatenate([*(training[kind][:200] for kind in kinds), *(training[kind][:OTHERS] for kind in rare)])
    if min(kind.sum() for kind in kinds) < OTHERS:
        return
    latents = engine.codec.encode(np.asarray(data.images[chosen]))
    values = np.stack([1 - data.values_of("dark_hair")[chosen], data.values_of("glasses")[chosen]], 1).astype(np.float64)
    steps = {"mean difference": mean_difference(latents, values[:, 0]), "de-correlated": decorrelated(latents, values)[0]}
    if "hair:blond" in engine.vectors.switches:
        steps["drawn"] = engine.vectors.of("hair:blond")
    own = engine.codec.encode(np.asarray(data.images[photos]))
    before = {name: probe(_small(engine.codec, own)) for name, probe in probes.items() if name in ("dark_hair", "glasses")}
    for vector, step in steps.items():
        pictures = _small(engine.codec, own + np.asarray(step, np.float32))
        change = {name: float((probes[name](pictures) - seen).mean() / seen.std()) for name, seen in before.items()}
        report.trap[vector] = {"blond": -change["dark_hair"], "glasses": change["glasses"]}


def sharpness(report: PairReport, data: VaeData, codec: Codec, rows: np.ndarray) -> None:
    """The fifth table."""
    restorer, photos = Restorer(weights_for("vae")), np.asarray(data.images[rows]).astype(np.float32)
    decoded, _ = codec.decode(codec.encode(np.asarray(data.images[rows])))
    side = (codec.image_size, codec.image_size)
    drawn = np.stack(
        [cv2.resize(restorer.drawn(enlarged(picture, SIZE)), side, interpolation=cv2.INTER_AREA) for picture in decoded]
    )
    for name, pictures in (("decoded", decoded), ("restored", np.clip(drawn, 0, 255))):
        ratios = [
            cv2.Laplacian(a, cv2.CV_32F).var() / cv2.Laplacian(b, cv2.CV_32F).var() for a, b in zip(pictures, photos, strict=True)
        ]
        report.sharp[name] = {"MAE": float(np.abs(pictures - photos).mean() / 255), "sharpness": float(np.median(ratios))}


def _small(codec: Codec, z: np.ndarray) -> np.ndarray:
    pictures, _ = codec.decode(z)
    return np.stack([cv2.convertScaleAbs(np.clip(picture, 0, 255)) for picture in pictures])
