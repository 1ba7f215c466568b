"""The measures of edited films, on films whose flicker is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth

from mimica.evaluate.film import SIDE, Flicker, evaluate
from mimica.video.writer import VideoWriter


def test_flicker_is_told_from_noise() -> None:
    rng = np.random.default_rng(0)
    base, inside = np.full((SIDE, SIDE, 3), 120.0), np.zeros((SIDE, SIDE), bool)
    inside[50:200, 50:200] = True
    ratios = {}
    for name, jump in (("still", 0), ("swimming", 6)):
        flicker = Flicker()
        for i in range(12):
            source = (base + rng.normal(0, 3, (SIDE, SIDE, 1))).clip(0, 255).astype(np.uint8)
            edited = source + np.uint8(20 + jump * (i % 2))
            flicker.add(i, source, edited, inside)
        edit, noise = flicker.result()
        assert noise == pytest.approx(3 * np.sqrt(6) * 0.798, rel=0.12)
        ratios[name] = edit / noise
        assert (flicker.unrest > 1.2) == (name == "swimming")
    assert ratios["still"] < 0.02 and ratios["swimming"] > 1.5


def test_frames_that_are_missing_make_no_difference_of_their_own() -> None:
    flicker, inside = Flicker(), np.ones((SIDE, SIDE), bool)
    for i in (0, 1, 3, 4, 5):
        flicker.add(i, np.full((SIDE, SIDE, 3), 10 * (i % 2), np.uint8), np.full((SIDE, SIDE, 3), 10 * (i % 2), np.uint8), inside)
    assert len(flicker._source) == 1


def test_a_film_is_measured(astronaut: np.ndarray, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 25, (192, 240)) as video:
        for i in range(6):
            video.write(np.ascontiguousarray(astronaut[20:260, 120 - i : 312 - i]))
    (tmp_path / "a.csv").write_text("timestamp,AU12_r\n0,4.0\n1,4.0\n")
    (row,), missing = evaluate([tmp_path / "a.mp4"], BrightMouth(), {"smile": {"au": "12+=0.1"}})
    assert (row.frames, row.edited, row.film, missing) == (6, 6, "a.mp4", []) and row.truth is not None
    (drawn,), _ = evaluate([tmp_path / "a.mp4"], BrightMouth(), {"sunglasses": {"attributes": "sunglasses=1"}})
    assert drawn.edited == 6 and drawn.error == 0 and 0.1 < drawn.flicker < 1.5
    (tmp_path / "b.mp4").write_bytes((tmp_path / "a.mp4").read_bytes())
    rows, missing = evaluate([tmp_path / "b.mp4"], BrightMouth(), {"smile": {"au": "12+=0.1"}}, seconds=0.05)
    assert not rows and "fewer than three" in missing[0]
