"""Action Units to shapes and back: sides, limits, what is really shown; which of them are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimica.facs import AU_NAMES, SIDED_AU_NAMES
from mimica.synthesize import units
from mimica.synthesize.creases import depths
from mimica.synthesize.mixtures import GAZE, POSE, drawn, feasible, turned

VALUES = st.dictionaries(st.sampled_from(SIDED_AU_NAMES), st.floats(0, 1), max_size=12)
CENTRAL = {"jawOpen", "mouthShrugLower", "mouthRollLower", "mouthRollUpper"}


@given(VALUES)
def test_what_is_shown_is_never_more_than_asked_but_for_jaw_and_lips(asked: dict[str, float]) -> None:
    shown = units.shown(asked, units.weights(asked), lip_gap=0.0)
    assert set(shown) == set(SIDED_AU_NAMES)
    for name, value in shown.items():
        assert 0 <= value <= 1
        if name[:4] not in ("AU25", "AU26"):
            assert value <= asked.get(name, 0.0) + 1e-9


@pytest.mark.parametrize("unit", AU_NAMES)
@pytest.mark.parametrize("side", ["L", "R"])
def test_a_side_moves_its_own_shapes_only(unit: str, side: str) -> None:
    moved = {name for name, weight in units.weights({unit + side: 0.8}).items() if weight}
    assert moved and all(name in CENTRAL or name.endswith(f"_{side}") for name in moved)


@pytest.mark.parametrize("name", SIDED_AU_NAMES)
def test_a_single_unit_is_shown_as_asked(name: str) -> None:
    asked = {name: 0.6}
    gap = units.GAP_CLOSED + 0.6 * (units.GAP_PARTED - units.GAP_CLOSED) if "AU25" in name else 0.0
    assert units.shown(asked, units.weights(asked), gap)[name] == pytest.approx(0.6, abs=0.02)


def test_limits_are_what_a_label_says() -> None:
    asked = {"AU12L": 1.0, "AU14L": 1.0, "AU20L": 1.0}
    w = units.weights(asked)
    assert w["mouthSmile_L"] + w["mouthDimple_L"] + w["mouthStretch_L"] == pytest.approx(units.MOST_CORNER)
    shown = units.shown(asked, w, 0.0)
    share = units.MOST_CORNER / (1.1 + 1.2 + 1.1)
    assert [shown[n] for n in asked] == pytest.approx([share] * 3)
    assert units.weights({"AU45L": 1.0, "AU05L": 1.0})["eyeWide_L"] == 0  # a closed eye is not wide
    pressed = {"AU23L": 1.0, "AU23R": 1.0, "AU26L": 1.0, "AU26R": 1.0}
    assert units.shown(pressed, units.weights(pressed), 0.1)["AU23L"] == pytest.approx(1 - 1.2 * 0.55)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(0, 999))
def test_what_is_drawn_is_legal_and_the_same_again(seed: int, count: int, first: int) -> None:
    frames = list(drawn(np.random.default_rng(seed), count, first))
    assert frames == list(drawn(np.random.default_rng(seed), count, first)) and len(frames) == count
    for frame in frames:
        assert frame.units and set(frame.units) <= set(SIDED_AU_NAMES) and all(0 <= v <= 1 for v in frame.units.values())
        head = turned(np.random.default_rng(seed), frame).head
        assert all(abs(value) <= {**POSE, **GAZE}[name] for name, value in head.items())


def test_a_set_shows_every_unit_on_both_sides_and_all_emotions() -> None:
    rng = np.random.default_rng(0)
    frames = [frame for photo in range(40) for frame in drawn(rng, 12, photo)]
    assert {name for frame in frames for name, value in frame.units.items() if value > 0.3} == set(SIDED_AU_NAMES)
    assert {"happiness", "contempt", "mixture", "AU12", "awed"} <= {frame.name for frame in frames}
    assert any("AU12L" in frame.units and "AU12R" not in frame.units for frame in frames)


def test_antagonists_do_not_act_together() -> None:
    assert feasible({12: 1.0, 6: 1.0}) and not feasible({12: 1.0, 15: 1.0}) and feasible({12: 1.0, 15: 0.1})


def test_creases_are_the_side_s_own() -> None:
    found = depths({"AU12L": 1.0, "AU06L": 1.0})
    assert found["fold_L"] == 1 and found["crow_L"] == 1 and found["fold_R"] == 0 and found["crow_R"] == 0
    assert depths({"AU04L": 1.0, "AU04R": 1.0})["frown"] == 1 and not any(depths({}).values())
