"""What a turn uncovers is filled from the other side of the face, where that was seen better and its light is alike."""

from dataclasses import replace

import numpy as np
import pytest
from bright_mouth import ASTRONAUT

from mimica.engines.ganimation.fast import beside, pose_mirror
from mimica.engines.ganimation.fast.pose import encode_pose, turn
from mimica.engines.ganimation.fast.pose_flow import Movement, Scene, Turn
from mimica.face import raster
from mimica.face.head import LANDMARKS, Head, fit, load_model, rotation

OWN = (16.0, 0.0, 0.0)
BACK = Movement(yaw=-12.0)
SIDE = 140.0


@pytest.fixture(scope="module")
def head() -> Head:
    """The mean head as a photo shows it that is turned by `OWN`."""
    seen = load_model().mean[-LANDMARKS:] @ rotation(*OWN).T
    return fit(seen[:, :2] * [1, -1] * 7 + (150, 150), OWN)


@pytest.fixture(scope="module")
def scene(head: Head) -> Scene:
    return encode_pose(head, OWN)


def painted(head: Head, places: np.ndarray, depth: np.ndarray, light: float = 1.0) -> np.ndarray:
    """The head, its vertices at `places` (V, 2) in pixels, with stripes on both sides; where x is positive times `light`."""
    triangles = head.model.triangles
    order = np.argsort(depth[triangles].mean(axis=1))
    x, y, _ = head.model.mean.T
    tone = (120 + 50 * np.sin(2.2 * np.abs(x)) + 30 * np.sin(1.1 * y)) * np.where(x > 0, light, 1.0)
    cover = raster.rasterise(places, triangles[order], (320, 300))
    picture = np.where(cover.mask() > 0, cover.interpolate(tone[None].astype(np.float32))[0], 60)
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def photo_of(head: Head, light: float = 1.0) -> np.ndarray:
    return painted(head, head.in_photo(head.vertices), head.vertices[:, 2], light)


def rigid(head: Head, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Where the vertices are after the turn, pixels, and their depth."""
    asked = Turn.of(scene, BACK)
    points = (head.vertices - head.pivot).astype(np.float32)
    x, y, z = points.T
    one = np.ones_like(x)
    dx, dy = asked.out_of_plane(x, y, z, one, one)
    moved = np.stack(asked.in_plane(x + dx, y + dy, one), axis=1)
    return head.in_photo(moved + head.pivot[:2]), points @ (asked.matrix[2] * [1, -1, 1])


def test_a_photo_that_faces_the_camera_has_no_better_side() -> None:
    own = (-0.2, 6.5, 2.7)
    assert encode_pose(fit(ASTRONAUT, own), own).mirror is None


def test_what_is_uncovered_looks_like_the_other_side(head: Head, scene: Scene) -> None:
    """Against the head drawn in its new pose, in the places that are filled: much nearer than what is stretched."""
    photo = photo_of(head)
    true = painted(head, *rigid(head, scene)).astype(float)
    filled, stretched = (turn(one, photo, BACK).astype(float) for one in (scene, replace(scene, mirror=None)))
    changed = (filled != stretched).any(axis=2)
    assert changed.sum() > 300
    apart = [float(np.abs(one - true)[changed].mean()) for one in (filled, stretched)]
    assert apart[0] < 0.7 * apart[1]


def test_it_is_as_light_as_its_neighbours(head: Head, scene: Scene) -> None:
    true = painted(head, *rigid(head, scene), light=1.25).astype(float)
    photo = photo_of(head, 1.25)
    filled, stretched = (turn(one, photo, BACK).astype(float) for one in (scene, replace(scene, mirror=None)))
    changed = (filled != stretched).any(axis=2)
    apart = [float(np.abs(one - true)[changed].mean()) for one in (filled, stretched)]
    assert apart[0] < 0.7 * apart[1]


def test_sides_in_another_light_are_left_alone(head: Head, scene: Scene) -> None:
    assert pose_mirror.fill(scene, Turn.of(scene, BACK), photo_of(head), None) is not None
    photo = photo_of(head, 0.2)
    with_it, without = (turn(one, photo, BACK).astype(int) for one in (scene, replace(scene, mirror=None)))
    assert np.abs(with_it - without).max() <= 5


def test_what_turns_away_needs_no_mirror(head: Head, scene: Scene) -> None:
    filling = pose_mirror.fill(scene, Turn.of(scene, Movement(yaw=8)), photo_of(head), None)
    assert filling is None or filling.share.max() < 0.1, "but for a sliver of the ear"


def test_it_moves_with_the_face(head: Head, scene: Scene) -> None:
    """An expression that lifts the whole face lifts where it is drawn and where it comes from."""
    photo, asked = photo_of(head), Turn.of(scene, BACK)
    lifted = np.tile(np.array([0, -0.03], np.float32), (68, 1))
    plain, higher = (pose_mirror.fill(scene, asked, photo, change) for change in (None, lifted))
    assert plain is not None and higher is not None
    middles = [
        (one.share.sum(axis=1) @ np.arange(len(one.share))) / one.share.sum() * one.cell + one.top for one in (plain, higher)
    ]
    assert -0.04 * SIDE < middles[1] - middles[0] < -0.01 * SIDE


def test_nothing_is_drawn_from_beyond_the_frame(head: Head, scene: Scene) -> None:
    """A frame that ends where the better side begins shows what was stretched."""
    photo = photo_of(head)
    cut = int(head.in_photo(head.vertices[-LANDMARKS:][30])[0]) - 5
    frame = np.ascontiguousarray(photo[:, cut:])
    with_it, without = (turn(one, frame, BACK, (-cut, 0)) for one in (scene, replace(scene, mirror=None)))
    assert (with_it == without).mean() > 0.999


def test_steps_beside_each_other() -> None:
    assert beside.both(lambda: 1, lambda: "b") == (1, "b")
    assert beside.halved(str, range(5)) == ["0", "1", "2", "3", "4"]
    with pytest.raises(ValueError, match="invalid"):
        beside.halved(int, ["1", "x"])
