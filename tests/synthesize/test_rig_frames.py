"""The rig fitted to faces that it made itself, and frames of them: geometry to be known exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rig_face import rig_face

from mimica.errors import NoFaceError
from mimica.facs import SIDED_AU_NAMES
from mimica.synthesize import frame as frames
from mimica.synthesize.fit import canvas_for, check_usable
from mimica.synthesize.layers import opening
from mimica.synthesize.mixtures import Wanted
from mimica.synthesize.rig import load_rig, normals
from mimica.synthesize.rigged import RigSubject
from mimica.synthesize.sample import EXACT, READ
from mimica.synthesize.settings import Settings
from mimica.synthesize.topology import topology

SIZE = 128
SETTINGS = Settings(size=SIZE, mesh=True, masks=True, flow=True)


def both(**values: float) -> dict[str, float]:
    return {f"{name}{side}": value for name, value in values.items() for side in "LR"}


@pytest.fixture(scope="module")
def subject() -> RigSubject:
    face = rig_face(seed=3)
    return RigSubject(face.rgb, face.reading, SETTINGS, np.random.default_rng(0))


def sample(subject: RigSubject, **values: float):
    return next(subject.frames(iter([Wanted("", both(**values))])))


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (15, -8), (-12, 10)])
def test_the_fit_finds_the_pose_and_the_landmarks(yaw: float, pitch: float) -> None:
    face = rig_face(yaw, pitch, seed=1, said=(yaw + 3, pitch - 3))
    subject = RigSubject(face.rgb, face.reading, SETTINGS, np.random.default_rng(0))
    found = subject._layers.fit
    assert found.pose[0] == pytest.approx(yaw, abs=3) and found.pose[1] == pytest.approx(pitch, abs=3)
    assert found.rest < 0.02
    places, _ = found.project(subject._layers.vertices)
    wanted = found.points[:60]  # the inner lips are brought to the lip line
    assert np.linalg.norm(places[load_rig().landmarks][:60] - wanted, axis=1).mean() < 0.02 * found.canvas.eye_distance


def test_the_source_is_the_photo_s_crop(subject: RigSubject) -> None:
    source = subject.source()
    assert source.labels == READ and source.image.shape == (SIZE, SIZE, 3) and not source.arrays["flow.npy"].any()
    eyes = source.landmarks[[36, 39, 42, 45]].reshape(2, 2, 2).mean(axis=1)
    assert eyes.mean(axis=0) == pytest.approx([0.5 * SIZE, 0.42 * SIZE], abs=1)
    assert np.ptp(eyes[:, 0]) == pytest.approx(0.30 * SIZE, abs=1)


def test_units_move_the_landmarks_they_should_and_no_others(subject: RigSubject) -> None:
    rest = sample(subject).landmarks

    def moved(**values: float) -> np.ndarray:
        shown = sample(subject, **values)
        assert shown.labels == EXACT
        return shown.landmarks - rest

    smile = moved(AU12=1.0)
    assert smile[48, 0] < -2 and smile[54, 0] > 2 and smile[[48, 54], 1].max() < -1 and np.abs(smile[36:48]).max() < 1.5
    jaw = moved(AU26=1.0)
    assert jaw[8, 1] > 4 and jaw[57, 1] > 4 and np.abs(jaw[27:36]).max() < 1
    brows = moved(AU01=1.0, AU02=1.0)
    assert brows[17:27, 1].max() < -1 and np.abs(brows[48:68]).max() < 0.5
    blink = moved(AU45=1.0)
    assert blink[[37, 38, 43, 44], 1].min() > 2 and np.abs(blink[48:68]).max() < 0.5


def test_one_side_is_one_side(subject: RigSubject) -> None:
    rest = sample(subject).landmarks
    shown = next(subject.frames(iter([Wanted("", {"AU12L": 1.0})])))
    assert shown.landmarks[54, 0] - rest[54, 0] > 2 and abs(shown.landmarks[48, 0] - rest[48, 0]) < 0.7
    assert shown.units["AU12L"] > 0.9 and shown.units["AU12R"] == 0


def test_the_mouth_opens_and_the_eyes_close(subject: RigSubject) -> None:
    rest, wide, shut = sample(subject), sample(subject, AU25=1.0, AU26=1.0), sample(subject, AU45=1.0)
    count = [(one.classes == frames.MOUTH).sum() for one in (rest, wide)]
    assert count[0] < 40 and count[1] > 200
    eyes = [(one.classes == frames.EYES).sum() for one in (rest, shut)]
    assert eyes[0] > 80 and eyes[1] < 0.15 * eyes[0]
    assert wide.lip_gap > 0.15 and wide.units["AU25L"] > 0.9 and rest.lip_gap < 0.02


def test_the_flow_says_where_pixels_come_from(subject: RigSubject) -> None:
    """At a moved landmark within the skin the flow leads back to where the photo has it."""
    before, after = sample(subject), sample(subject, AU12=1.0, AU06=1.0)
    for point in (31, 35, 30, 33):
        x, y = after.landmarks[point]
        back = after.arrays["flow.npy"][int(y), int(x)] + after.landmarks[point]
        assert back == pytest.approx(before.landmarks[point], abs=0.03 * SIZE)


def test_the_mesh_holds_the_landmarks(subject: RigSubject) -> None:
    shown = sample(subject, AU26=0.7)
    mesh, rig = shown.arrays["mesh.npy"], load_rig()
    assert mesh.shape == (rig.face, 3) and np.allclose(mesh[rig.landmarks[:60], :2], shown.landmarks[:60], atol=1e-3)
    assert mesh[rig.landmarks[30], 2] > mesh[rig.landmarks[0], 2]  # the nose is nearer than the jaw's end


def test_what_the_rig_cannot_start_from_is_refused() -> None:
    face = rig_face()
    with pytest.raises(NoFaceError, match="turned too far"):
        check_usable(replace(face.reading, yaw=40.0))
    with pytest.raises(NoFaceError, match="AU12"):
        check_usable(replace(face.reading, action_units=dict.fromkeys(SIDED_AU_NAMES, 0.0) | both(AU12=0.9)))
    points = face.reading.landmarks_photo.copy()
    points[[67, 66, 65], 1] += 10
    with pytest.raises(NoFaceError, match="mouth is open"):
        check_usable(replace(face.reading, landmarks_photo=points))
    scattered = np.random.default_rng(0).uniform(0, 300, (68, 2)).astype(np.float32)
    strange = replace(face.reading, landmarks_photo=scattered)
    with pytest.raises(NoFaceError):
        RigSubject(face.rgb, strange, SETTINGS, np.random.default_rng(0))


def test_lids_that_cross_enclose_nothing() -> None:
    upper = np.array([[0.0, 0], [5, 3], [10, 0]])
    lower = np.array([[0.0, 0], [5, 1], [10, 0]])
    outline = opening(upper, lower)
    assert outline[len(upper) :][1].tolist() == [5, 3]


def test_the_topology_is_of_two_sides(subject: RigSubject) -> None:
    rig, parts = load_rig(), topology()
    for side, sign in (("left", 1), ("right", -1)):
        lids = parts.lids[side]
        assert (np.sign(rig.neutral[lids.follow, 0]) == sign).all() and (lids.skin > 0).sum() > 50
    assert parts.lip_side.max() == 1 and parts.lip_side.min() == -1
    assert canvas_for(rig_face().reading, 100).side % 2 == 0
    facing = normals(rig.neutral, rig.triangles["skin"])[rig.landmarks[30]]
    assert facing[2] > 0.7
