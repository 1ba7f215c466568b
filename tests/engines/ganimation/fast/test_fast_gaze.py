"""Eyes that look: taken apart and put together, and the whole engine with pose and gaze."""

import numpy as np
import pytest
from bright_mouth import reading

from mimica.animation import Prepared, own_controls, prepare, render_frame
from mimica.engines.base import TurnsHeads
from mimica.engines.ganimation.edit import load
from mimica.engines.ganimation.fast import edit
from mimica.engines.ganimation.fast.eyes import put_together
from mimica.engines.ganimation.fast.gaze import lids, look, shift
from mimica.errors import ValueRangeError
from mimica.facs import SIDED_AU_NAMES
from mimica.motion.head import LIMITS, limits
from mimica.motion.track import HEAD
from mimica.reader.read import Reader


@pytest.fixture(scope="module")
def prepared(astronaut: np.ndarray) -> Prepared:
    """The astronaut, enlarged enough for irises to be seen."""
    import cv2

    large = cv2.resize(astronaut, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC)
    points = reading().landmarks_photo * 2
    (face,) = Reader().read_aligned(large, [points])
    return prepare(large, [face], load())


def moved(prepared: Prepared, **away: float) -> np.ndarray:
    own = own_controls(prepared.faces[0].reading)
    return render_frame(prepared, [own | {name: own[name] + change for name, change in away.items()}])


def test_the_engine_has_the_controls_of_the_head(prepared: Prepared) -> None:
    assert prepared.engine.controls == (*SIDED_AU_NAMES, *HEAD) and isinstance(prepared.engine, TurnsHeads)


def test_no_change_is_the_photo_and_takes_nothing_apart(prepared: Prepared) -> None:
    fresh = prepare(prepared.photo, [prepared.faces[0].reading], prepared.engine)
    assert np.array_equal(moved(fresh), fresh.photo)
    assert not {"gaze", "scene"} & set(vars(fresh.faces[0].state)), "made when first asked for"


def test_an_eye_put_together_is_much_like_the_photo(prepared: Prepared) -> None:
    gaze = prepared.faces[0].state.gaze
    image = prepared.faces[0].face.image
    for eye in gaze.found:
        patch = image[eye.box].astype(np.float32)
        inside = eye.opening > 0.9
        assert np.abs(eye.rest * eye.shade - patch)[inside].mean() < 12
        assert np.array_equal(put_together(eye.centre, eye.radius, eye.sclera, eye.iris, eye.glint, np.zeros(2)), eye.rest)
    assert len(gaze.found) == 2 and np.array_equal(look(image, gaze, (0, 0)), image), "no change, bit for bit"


def test_irises_go_where_they_are_asked_to(prepared: Prepared) -> None:
    gaze = prepared.faces[0].state.gaze
    for eye in gaze.found:
        right, down = shift(gaze, eye, (10, 0)), shift(gaze, eye, (0, 10))
        assert right[0] > 0.05 * eye.width and abs(right[1]) < 0.03 * eye.width
        assert down[1] > 0.05 * eye.width and abs(down[0]) < 0.03 * eye.width


def test_the_reader_sees_the_gaze(prepared: Prepared) -> None:
    reader, face = Reader(), prepared.faces[0].reading

    def read(**away: float) -> tuple[float, float]:
        (found,) = reader.read_aligned(moved(prepared, **away), [face.landmarks_photo])
        return found.gaze_x - face.gaze_x, found.gaze_y - face.gaze_y

    assert read(gaze_x=15)[0] > 8 and read(gaze_x=-15)[0] < -8
    assert read(gaze_y=12)[1] > 4 and read(gaze_y=-10)[1] < -3


def test_gaze_changes_the_eyes_only(prepared: Prepared) -> None:
    changed = (moved(prepared, gaze_x=12) != prepared.photo).any(axis=2)
    points = prepared.faces[0].reading.landmarks_photo
    (x0, y0), (x1, y1) = points[36:48].min(axis=0) - 16, points[36:48].max(axis=0) + 16
    assert changed.any()
    changed[int(y0) : int(y1), int(x0) : int(x1)] = False
    assert not changed.any()


def test_lids_follow_the_eyes(prepared: Prepared) -> None:
    gaze, values = prepared.faces[0].state.gaze, dict.fromkeys(SIDED_AU_NAMES, 0.1)
    down, up = lids(gaze, (0, 15), values), lids(gaze, (0, -15), values)
    assert down["AU45L"] > 0.15 and down["AU05L"] == 0.1 and up["AU05R"] > 0.2 and up["AU45R"] == 0.1


@pytest.mark.parametrize("name", ["yaw", "pitch", "roll"])
def test_the_reader_sees_the_turn(prepared: Prepared, name: str) -> None:
    face = prepared.faces[0].reading
    for away in (10.0, -10.0):
        (found,) = Reader().read_aligned(moved(prepared, **{name: away}), [face.landmarks_photo])
        change = {other: getattr(found, other) - getattr(face, other) for other in ("yaw", "pitch", "roll")}
        assert change.pop(name) == pytest.approx(away, abs=4) and max(map(abs, change.values())) < 3.5


def test_a_turn_knows_the_expression_that_it_turns(prepared: Prepared) -> None:
    """The mouth's corners of a smiling face lie where the rig puts them: the head is told of it, in the window's own axes."""
    face, own = prepared.faces[0], own_controls(prepared.faces[0].reading)
    seen: list[np.ndarray | None] = []
    original = edit.turn
    try:
        edit.turn = lambda *given: seen.append(given[-1]) or original(*given)
        for units in ({}, {"AU26L": 0.9, "AU26R": 0.9}):
            prepared.engine.turn(face.state, prepared.photo, face.crop_from_photo, {**own, **units, "yaw": own["yaw"] + 5})
    finally:
        edit.turn = original
    assert seen[0] is None and seen[1] is not None and seen[1].shape == (68, 2)
    assert seen[1][8, 1] > 0.02 and abs(seen[1][27, 1]) < 0.01, "the chin drops, the nose stays"


def test_expression_gaze_and_pose_together(prepared: Prepared) -> None:
    own = own_controls(prepared.faces[0].reading)
    wanted = own | {"AU12L": 0.1, "AU12R": 0.1, "gaze_x": own["gaze_x"] + 8, "yaw": own["yaw"] + 10}
    together = render_frame(prepared, [wanted])
    (found,) = Reader().read_aligned(together, [prepared.faces[0].reading.landmarks_photo])
    assert found.action_units["AU12L"] < own["AU12L"] - 0.2 and found.yaw > own["yaw"] + 6


def test_beyond_the_limits_it_stops(prepared: Prepared) -> None:
    ranges, own = limits(own_controls(prepared.faces[0].reading)), own_controls(prepared.faces[0].reading)
    most = {name: ranges[name][1] - own[name] for name in ("yaw", "gaze_x")}
    assert np.array_equal(moved(prepared, yaw=60), moved(prepared, yaw=most["yaw"])) and most["yaw"] <= LIMITS["yaw"]
    assert np.array_equal(moved(prepared, gaze_x=60), moved(prepared, gaze_x=most["gaze_x"]))


def test_angles_that_are_no_numbers_are_refused(prepared: Prepared) -> None:
    with pytest.raises(ValueRangeError, match="finite"):
        render_frame(prepared, [{"yaw": float("nan")}])
