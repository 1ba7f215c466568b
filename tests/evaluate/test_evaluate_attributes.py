"""The measures of drawn attributes against figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

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
    attributes._edit(report, "glasses", [seen], {"glasses": Along(1.0), "age": Along(-0.5)})
    figures = report.edits["glasses"]
    assert figures["photos"] == 1 and figures["refused"] == 0 and figures["rises"] == 1
    assert figures["change"] > 0 and figures["moved"] > 0
    wearing = Seen(seen.crop, {"glasses": 1.0}, True, False)
    attributes._edit(report, "sunglasses", [wearing], {})
    assert "none of the held-out faces" in report.missing[-1]
