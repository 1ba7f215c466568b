"""Blinks with human timing, plausible random expressions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mimica.facs import SIDED_AU_NAMES, without_sides
from mimica.motion.presets import ANTAGONISTS, blinks, sample_expression


def _closed_spans(seconds: float, seed: int) -> list[tuple[float, float]]:
    track = blinks(seconds, np.random.default_rng(seed))
    curve = np.array([track.at(i / 500)[0] for i in range(track.frame_count(500))]) > 0.01
    edges = np.flatnonzero(np.diff(curve.astype(int)))
    return [(a / 500, b / 500) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def test_blinks_have_human_timing() -> None:
    spans = _closed_spans(300, seed=1)
    intervals = np.diff([start for start, _ in spans])
    lengths = np.array([end - start for start, end in spans])
    assert 2.5 < np.median(intervals) < 5 and intervals.min() > 0.8 and intervals.std() > 0.5
    assert lengths.min() > 0.15 and lengths.max() < 0.4


def test_blinks_are_the_same_for_the_same_seed_only() -> None:
    assert _closed_spans(30, 3) == _closed_spans(30, 3) != _closed_spans(30, 4)


@given(st.floats(0.1, 20), st.integers(0, 50))
def test_blinks_begin_and_end_open_so_that_they_loop(seconds: float, seed: int) -> None:
    track = blinks(seconds, np.random.default_rng(seed))
    assert track.sample(0)["AU45L"] == 0 and track.sample(seconds) == {"AU45L": 0.0, "AU45R": 0.0}
    assert track.seconds == seconds
    assert seconds < 0.6 or track.values.max() > 0.85


@given(st.integers(0, 10_000))
def test_sampled_expressions_are_plausible(seed: int) -> None:
    label, controls = sample_expression(np.random.default_rng(seed))
    assert label and tuple(controls) == SIDED_AU_NAMES and all(0 <= v <= 1 for v in controls.values())
    mean = without_sides(controls)
    assert max(mean.values()) > 0.1
    if label.startswith("AU"):
        shown = {int(name[2:]) for name, value in mean.items() if value > 0}
        assert not any(set(pair) <= shown for pair in ANTAGONISTS)


def test_sampled_expressions_differ() -> None:
    rng = np.random.default_rng(0)
    labels = [sample_expression(rng)[0] for _ in range(72)]
    assert len(set(labels)) > 60
