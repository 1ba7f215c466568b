"""`mimica evaluate bias`: does the pseudo-autoencoder keep people themselves? The fault of section 3.4 of its paper.

still       |f(w, 0) - w| / |w - mean code|: 0 gives a code back, 1 is as far off as the mean of everybody
psnr        of the picture of f(w, 0) against that of w, dB
identity    distance of descriptors (below 0.6: the same person) between w_S's picture and that of f(w_S, u)
pairs       the same between w_S's picture and w_T's: how far apart two expressions of one person are anyway
au_error    mean |Action Units read from f(w_S, u)'s picture - from w_T's|
rises       share of Action Units wanted to rise by 0.3 or more that the reader sees rise
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mimica.engines.stylegan.autoencoder import LatentEditor
from mimica.engines.stylegan.codec import Codec
from mimica.engines.stylegan.latents import LatentSet, expression_pairs
from mimica.evaluate.latent_judge import Judge, missing
from mimica.facs import AU_NAMES
from mimica.metrics import psnr
from mimica.reader.read import Reader

ASKED = 0.3
"""Rise of an Action Unit from which on it counts as wanted."""


_UNITS = slice(0, len(AU_NAMES))


@dataclass
class BiasReport:
    """`rows[(model, "trained" or "unseen")]`: the figures of the module's description; `people` and `pairs` by part."""

    people: dict[str, int] = field(default_factory=dict)
    pairs: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        rows = {f"{model}, {part}": figures for (model, part), figures in self.rows.items()}
        return {"people": self.people, "pairs": self.pairs, "rows": rows}


def evaluate_bias(
    codec: Codec,
    latents: LatentSet,
    editors: Mapping[str, LatentEditor],
    *,
    count: int = 100,
    seed: int = 0,
    reader: Reader | None = None,
    progress: Callable[[], None] = lambda: None,
) -> BiasReport:
    """Measures each editor on `count` random pairs of people trained on, and of unseen ones."""
    judge, report = Judge(reader or Reader(threads=1)), BiasReport()
    report.missing = missing(judge.identity)
    mean = latents.part(validation=False).w_plus().mean(axis=0)
    for part, validation in (("trained", False), ("unseen", True)):
        some = latents.part(validation)
        pairs = expression_pairs(some)
        pairs = pairs[np.random.default_rng(seed).permutation(len(pairs))[:count]]
        report.people[part], report.pairs[part] = len({some.subjects[i] for i in pairs[:, 0]}), len(pairs)
        if not len(pairs):
            report.missing.append(f"{part}: nobody is shown twice")
            continue
        source, target = some.w_plus(pairs[:, 0]), some.w_plus(pairs[:, 1])
        seen = _Seen(codec, judge, source, target)
        for name, editor in editors.items():
            columns = [some.columns.index(unit) for unit in editor.units]
            change = some.values[pairs[:, 1]][:, columns] - some.values[pairs[:, 0]][:, columns]
            report.rows[name, part] = _figures(editor, seen, change, mean)
            progress()
    return report


class _Seen:
    """Codes of sources and targets, their pictures and what the judge says of them."""

    def __init__(self, codec: Codec, judge: Judge, source: np.ndarray, target: np.ndarray) -> None:
        self.codec, self.judge, self.source = codec, judge, source
        self.pictures = codec.decode(source)
        self.before, readings = judge.look(self.pictures)
        self.own = judge.descriptors(self.pictures, readings)
        pictures = codec.decode(target)
        self.wanted, readings = judge.look(pictures)
        self.other = judge.descriptors(pictures, readings)


def _figures(editor: LatentEditor, seen: _Seen, change: np.ndarray, mean: np.ndarray) -> dict[str, float]:
    still = editor.edit(seen.source, np.zeros_like(change))
    lost = np.linalg.norm((still - seen.source).reshape(len(still), -1), axis=1)
    reach = np.linalg.norm((seen.source - mean).reshape(len(still), -1), axis=1)
    unchanged, made = seen.codec.decode(still), seen.codec.decode(editor.edit(seen.source, change))
    rows, readings = seen.judge.look(made)
    asked = (seen.wanted - seen.before)[:, _UNITS] >= ASKED
    rose = (rows - seen.before)[:, _UNITS] > 0
    figures = {
        "still": float((lost / reach).mean()),
        "psnr": float(np.mean([min(99.0, psnr(a, b)) for a, b in zip(unchanged, seen.pictures, strict=True)])),
        "au_error": float(np.abs(rows - seen.wanted)[:, _UNITS].mean()),
        "rises": float(rose[asked].mean()) if asked.any() else float("nan"),
    }
    descriptors = seen.judge.descriptors(made, readings)
    if descriptors is not None and seen.own is not None and seen.other is not None:
        figures["identity"] = float(np.linalg.norm(descriptors - seen.own, axis=1).mean())
        figures["pairs"] = float(np.linalg.norm(seen.other - seen.own, axis=1).mean())
    return figures
