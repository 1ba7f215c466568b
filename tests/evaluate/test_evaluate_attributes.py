"""The measures of drawn attributes against figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mimica.evaluate import attributes
from mimica.evaluate.attributes import Probe, Report, Seen, auc, features_of
from mimica.pictures.images import read_photo
from mimica.prepare.attributes import crop_of
from mimica.reader.read import largest_face

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def seen() -> Seen:
    photo = read_photo(PHOTO).rgb
    return Seen(crop_of(photo, largest_face(photo), 192), {"glasses": 0.0, "age": 0.4}, True, False)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    scores, positive = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert auc(scores, positive) == 0.75
    assert auc(-scores, positive) == 0.25


def test_histograms_tell_edges_by_their_direction() -> None:
    upright = np.zeros((32, 32), np.uint8)
    upright[:, 12:] = 200
    found = attributes.histograms(upright)
    assert found.shape == (3, 3, 36) and found.max() > 0.5
    assert found[..., 0::9].sum() > 20 * found[..., 4::9].sum(), "its gradient points to the right"
    lying = attributes.histograms(upright.T.copy())
    assert lying[..., 4::9].sum() > 5 * lying[..., 0::9].sum()
    assert np.allclose(np.linalg.norm(found[1, 1]), 1, atol=0.05)


def test_a_probe_finds_a_direction() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(0, 10, (60, 200)).astype(np.float32)
    values = features[:, 3] * 0.5 + 2
    probe = Probe(features[:50], values[:50])
    assert np.corrcoef(probe(features[:50]), values[:50])[0, 1] > 0.99
    assert abs(float(probe(features[:50]).mean()) - values[:50].mean()) < 1e-3


def test_an_edit_is_judged_by_its_own_meter_and_by_the_others(seen: Seen) -> None:
    plain = features_of(seen.crop.image, seen.crop.landmarks)
    picture = attributes._drawn(seen.crop, attributes.read("glasses", 1.0))
    assert picture is not None
    way = features_of(*picture) - plain

    class Along(Probe):
        def __init__(self, sign: float) -> None:
            self.sign = sign

        def __call__(self, features: np.ndarray) -> np.ndarray:
            result: np.ndarray = self.sign * (features @ way)
            return result

    report = Report()
    attributes._edit(report, "glasses", [seen], {"glasses": Along(1.0), "age": Along(-0.5)}, {"age": Along(1.0)})
    figures = report.edits["glasses"]
    assert figures["photos"] == 1 and figures["refused"] == 0 and figures["rises"] == 1
    assert figures["change"] > 0 and figures["moved"] > 0 and figures["apart"] > 0
    assert report.moves["glasses"]["age"] == -figures["moved"]
    wearing = Seen(seen.crop, {"glasses": 1.0}, True, False)
    attributes._edit(report, "sunglasses", [wearing], {}, {})
    assert "none of the held-out faces" in report.missing[-1]


def test_a_meter_apart_has_nothing_of_the_other_labels(seen: Seen) -> None:
    others = np.array([[0.0], [0.0], [1.0], [1.0]])
    assert np.allclose(attributes.unexplained(np.array([1.0, 3.0, 5.0, 7.0]), others), [-1, 1, -1, 1])
    rng = np.random.default_rng(0)
    features = rng.normal(0, 10, (80, 6)).astype(np.float32)
    faces = [Seen(seen.crop, {"gray": row[0], "age": row[0] + row[1]}, False, False) for row in features.tolist()]
    meters = attributes.apart_meters(("gray", "age"), faces, features, np.ones(80, bool))
    grayer = np.eye(6, dtype=np.float32)[:1]
    moved = {name: float((meter(10 * grayer) - meter(0 * grayer))[0]) for name, meter in meters.items()}
    assert abs(moved["age"]) < 0.1 * attributes.Probe(features, features[:, 0] + features[:, 1])(10 * grayer)[0]
    assert attributes.apart_meters(("gray", "age"), faces[:5], features[:5], np.ones(5, bool)) == {}


def test_hats_are_counted_on_faces_whose_heads_are_labelled(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    assert attributes.hats([seen]) == {}
    found = iter([0.9, 0.2, 0.7])
    monkeypatch.setattr(attributes.masks, "find", lambda subject: SimpleNamespace(covered=next(found)))
    faces = [replace(seen, values={"hat": value}) for value in (1.0, 1.0, 0.0)]
    assert attributes.hats(faces) == {"hats": 2, "found": 1, "bare": 1, "false": 1}
