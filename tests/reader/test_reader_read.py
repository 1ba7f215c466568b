"""Reading: geometry with a network that knows the answer, then the shipped network on the example photo."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mimica.errors import NoFaceError
from mimica.face.align import crop_from_photo, cut, transform
from mimica.face.detect import Box
from mimica.facs import EMOTIONS, SIDED_AU_NAMES
from mimica.reader import read as reading
from mimica.reader.outputs import EYE_DISTANCE, INPUT_SIZE, OUTPUT_SIZE, SLICES
from mimica.reader.read import WEIGHTS, Reader, find_faces

ASTRONAUT = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
shipped = pytest.mark.skipif(not WEIGHTS.is_file(), reason="the reader's weights are not there")


class Dots(Reader):
    """Finds two white dots (the eyes, all corners at the dot) by looking, so that geometry is all that is tested."""

    def __init__(self):
        self.seen = []
        self._mirror, self._refiner = False, None

    def raw(self, gray):
        self.seen.append(gray)
        return np.stack([self._row(crop) for crop in gray])

    def _row(self, crop):
        row = np.zeros(OUTPUT_SIZE, np.float32)
        row[SLICES["face"]] = -5
        count, _, _, centres = cv2.connectedComponentsWithStats((crop > 100).astype(np.uint8))
        points = np.full((70, 2), INPUT_SIZE / 2)
        if count == 3:
            left, right = sorted(centres[1:].tolist())
            points[36:42], points[42:48] = np.array(left) + 0.5, np.array(right) + 0.5
            points[:36] = points[48:] = points[36:48].mean(0)
            row[SLICES["face"]] = 5
        row[SLICES["points"]] = ((points - INPUT_SIZE / 2) / (EYE_DISTANCE * INPUT_SIZE)).ravel()
        return row


def dotted_photo(angle: float = 0.0, distance: float = 60.0, size: int = 400):
    """Two dots `distance` apart around (200, 180), turned clockwise by `angle` degrees, and the box of such a face."""
    photo = np.zeros((size, size, 3), np.uint8)
    turn = np.deg2rad(angle)
    half = distance / 2 * np.array([np.cos(turn), np.sin(turn)])
    eyes = np.array([[200, 180] - half, [200, 180] + half])
    for x, y in eyes:
        cv2.circle(photo, (round((x - 0.5) * 16), round((y - 0.5) * 16)), 5 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    width = distance / 0.357
    centre = np.array([200, 180 + 0.224 * width])
    return photo, eyes, Box(*(centre - width / 2), *(centre + width / 2), 1.0)


@pytest.mark.parametrize("angle", [0, 12, -20, 35, -42])
@pytest.mark.parametrize("distance", [24, 60, 110])
def test_points_come_back_to_the_photo(angle, distance):
    photo, eyes, box = dotted_photo(angle, distance)
    face = Dots().read(photo, [box])[0]
    assert face.landmarks_photo[[36, 42]] == pytest.approx(eyes, abs=0.02 * distance)
    assert face.roll == pytest.approx(angle, abs=1.5), "the crop is turned upright, so the roll is the crop's"
    assert face.eye_distance == pytest.approx(distance, rel=0.03)


def test_the_second_crop_is_the_tight_crop():
    photo, _, box = dotted_photo(15)
    reader = Dots()
    face = reader.read(photo, [box])[0]
    assert len(reader.seen) == 2, "a sure first look needs no other angles"
    expected = cut(photo, crop_from_photo(face.landmarks_photo, INPUT_SIZE), INPUT_SIZE)[..., 0]
    assert np.abs(reader.seen[-1][0].astype(int) - expected).mean() < 2


def test_unsure_first_looks_are_tried_turned():
    photo, _, _ = dotted_photo()
    reader = Dots()
    reader.read(photo, [Box(0, 0, 30, 30, 1.0)])
    assert [len(batch) for batch in reader.seen][:3] == [1, 2, 1]


class Wandering(Dots):
    """Sees a face in everything, each time in another place."""

    def _row(self, crop):
        row = super()._row(crop)
        points = np.full((70, 2), 0.1 * (1 + len(self.seen) % 3))
        points[36:42, 0] -= 0.5
        points[42:48, 0] += 0.5
        row[SLICES["points"]], row[SLICES["face"]] = points.ravel(), 9
        return row


def test_looks_that_never_agree_lower_the_confidence():
    photo, _, box = dotted_photo()
    reader = Wandering()
    assert reader.read(photo, [box])[0].confidence < 0.5
    assert len(reader.seen) == 4, "box, then at most three aligned looks"


def test_the_border_is_mirrored_and_far_outside_is_blank():
    gray = np.full((50, 50), 200, np.uint8)
    near = reading._cut_gray(gray, np.array([[1.0, 0, 30], [0, 1.0, 30]]))
    assert near.min() == 200
    assert reading._cut_gray(gray, np.array([[1.0, 0, 900], [0, 1.0, 0]])).max() == 0


def test_shrinking_averages_instead_of_picking_pixels():
    stripes = np.tile(np.array([[0, 255]], np.uint8), (800, 400))
    crop = reading._cut_gray(stripes, np.array([[0.1, 0, 0], [0, 0.1, 0]]))
    assert abs(float(crop[10:60, 10:60].mean()) - 127.5) < 3 and crop[10:60, 10:60].std() < 12


def test_the_units_of_a_reading():
    row = np.zeros(OUTPUT_SIZE, np.float32)
    row[SLICES["pose"]] = [1, -0.5, 0.1]
    row[SLICES["emotions"]] = np.arange(8)
    face = reading._reading(row, np.array([[1.0, 0, 0], [0, 1.0, 0]]))
    assert (face.yaw, face.pitch, face.roll) == pytest.approx((20, -10, 2))
    assert tuple(face.action_units) == SIDED_AU_NAMES and set(face.action_units.values()) == {0.5}
    assert sum(face.emotions.values()) == pytest.approx(1) and max(face.emotions, key=face.emotions.get) == EMOTIONS[-1]
    assert face.mean_action_units["AU12"] == 0.5 and len(face.mean_action_units) == 17


def test_two_boxes_of_one_face_give_one_reading():
    photo, _, box = dotted_photo()
    moved = Box(box.x0 + 8, box.y0 + 5, box.x1 + 8, box.y1 + 5, 0.4)
    faces = find_faces(photo, reader=Dots(), detector=lambda _: [box, moved])
    assert len(faces) == 1


def test_no_face_is_a_sentence():
    photo = np.zeros((100, 100, 3), np.uint8)
    with pytest.raises(NoFaceError, match="no face was found"):
        find_faces(photo, reader=Dots(), detector=lambda _: [])
    with pytest.raises(NoFaceError, match="turned out not to be one"):
        find_faces(photo, reader=Dots(), detector=lambda _: [Box(10, 10, 60, 60, 0.1)])


# --- the shipped network --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.asarray(Image.open(ASTRONAUT).convert("RGB"))


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@shipped
def test_the_example_smiles(astronaut, reader):
    (face,) = find_faces(astronaut, reader=reader)
    assert face.confidence > 0.9
    assert max(face.emotions, key=face.emotions.get) == "happiness"
    units = face.mean_action_units
    assert units["AU12"] > 0.35 and units["AU04"] < 0.3 and units["AU45"] < 0.4


@shipped
@pytest.mark.parametrize("angle", [-40, -20, 20, 40])
def test_a_tilted_photo_gives_the_tilted_landmarks(astronaut, reader, angle):
    (upright,) = find_faces(astronaut, reader=reader)
    height, width = astronaut.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -angle, 1.0)
    turned = cv2.warpAffine(astronaut, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    (face,) = find_faces(turned, reader=reader)
    expected = transform(upright.landmarks_photo - 0.5, matrix) + 0.5
    error = np.linalg.norm(face.landmarks_photo - expected, axis=1).mean() / upright.eye_distance
    assert error < 0.04
    assert face.roll - upright.roll == pytest.approx(angle, abs=5)


@shipped
def test_the_mirrored_photo_reads_mirrored(astronaut, reader):
    (face,) = find_faces(astronaut, reader=reader)
    (mirrored,) = find_faces(np.ascontiguousarray(astronaut[:, ::-1]), reader=reader)
    assert mirrored.yaw == pytest.approx(-face.yaw, abs=5) and mirrored.pitch == pytest.approx(face.pitch, abs=5)
    middle = [27, 30, 33, 51, 57]
    back = astronaut.shape[1] - mirrored.landmarks_photo[middle, 0]
    assert np.abs(back - face.landmarks_photo[middle, 0]).mean() < 0.05 * face.eye_distance


@shipped
def test_half_the_size_reads_the_same(astronaut, reader):
    (face,) = find_faces(astronaut, reader=reader)
    small = cv2.resize(astronaut, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    (again,) = find_faces(small, reader=reader)
    error = np.linalg.norm(2 * again.landmarks_photo - face.landmarks_photo, axis=1).mean() / face.eye_distance
    assert error < 0.05


@shipped
def test_noise_is_no_face(reader):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert reader.read(noise, [Box(50, 50, 150, 150, 0.0)])[0].confidence < 0.5
