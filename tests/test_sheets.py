"""Contact sheets: layout, contents, flow colours."""

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading

from mimica import sheets
from mimica.animation import Prepared, prepare, render_face
from mimica.pictures.contact_sheet import Cell, beside, sheet
from mimica.sheets import flow_picture, masks_picture, sample_sheet, unit_sheet


@pytest.fixture
def prepared(astronaut: np.ndarray) -> Prepared:
    return prepare(astronaut, [reading()], BrightMouth())


def test_pictures_lie_in_their_places_and_captions_below() -> None:
    red, blue = (np.full((50, 50, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    made = sheet([[Cell(red, "one"), Cell(blue, "two")], [Cell(blue)]], cell=50, gap=4)
    assert made.shape == (2 * (50 + 4 + 15) + 4, 2 * 54 + 4, 3)
    assert tuple(made[29, 29]) == (255, 0, 0) and tuple(made[29, 83]) == (0, 0, 255) and tuple(made[98, 29]) == (0, 0, 255)
    assert (made[54:69] < 128).all(axis=2).any(), "the captions are there"
    assert (made[4:54, 54:58] == 255).all(), "the gap is empty"


def test_a_long_caption_stays_within_its_cell() -> None:
    picture = np.full((60, 60, 3), 128, np.uint8)
    made = sheet([[Cell(picture, "a caption that is far too long for it"), Cell(picture)]], cell=60, gap=4)
    assert (made[:, 64:68] == 255).all()


def test_a_tall_picture_is_fitted_whole() -> None:
    made = sheet([[Cell(np.zeros((80, 40, 3), np.uint8))]], cell=40, gap=0)
    assert (made[:, 10:30] == 0).all() and (made[:, :10] == 255).all()


def test_beside() -> None:
    assert beside(np.zeros((3, 2, 3), np.uint8), np.zeros((5, 4, 3), np.uint8)).shape == (5, 6, 3)


def test_unit_sheet_has_a_row_for_each_unit_of_the_engine(prepared: Prepared) -> None:
    made = unit_sheet(prepared, cell=48)
    one = sheet([[Cell(None, "x"), *[Cell(np.zeros((48, 48, 3), np.uint8), "x")] * 4]], 48)
    assert made.shape == (one.shape[0], 2 * one.shape[1], 3)
    mouth = [made[42, 6 + 54 * i + 24].mean() for i in (1, 2, 3, 4)]
    assert sorted(mouth) == mouth and mouth[0] < mouth[-1] - 40


def test_sample_sheet_is_the_same_for_the_same_seed_only(prepared: Prepared) -> None:
    first = sample_sheet(prepared, 12, seed=1, cell=48)
    assert np.array_equal(first, sample_sheet(prepared, 12, seed=1, cell=48))
    assert not np.array_equal(first, sample_sheet(prepared, 12, seed=2, cell=48))
    assert sample_sheet(prepared, 72, seed=1, cell=48).shape[1] == 9 * 54 + 6


def test_masks_picture_shows_each_layer(prepared: Prepared) -> None:
    rendered = render_face(prepared, 0, {"AU12": 1.0}, layers=True)
    made = masks_picture([(prepared.faces[0].face.image, rendered)], cell=64)
    assert made.shape[1] == 5 * 70 + 6
    plain = render_face(prepared, 0, {"AU12": 1.0})
    assert masks_picture([(prepared.faces[0].face.image, plain)], cell=64).shape[1] == 3 * 70 + 6


def test_flow_colours() -> None:
    flow = np.zeros((1, 3, 2), np.float32)
    flow[0, 0], flow[0, 1] = (2, 0), (-1, 0)
    right, left, still = flow_picture(flow)[0].astype(int)
    assert right.tolist() == [255, 0, 0] and still.tolist() == [255, 255, 255]
    assert left[0] < left[1] == left[2] == 255


def test_heads_have_rows_where_the_engine_turns_them(astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, float]] = []
    monkeypatch.setattr(sheets, "render_frame", lambda prepared, values: asked.extend(values) or prepared.photo)
    unit_sheet(prepare(astronaut, [reading()], BrightMouth(controls=("AU12L", "AU12R", "yaw", "gaze_x"))), cell=48)
    yaw, gaze = ([one[name] for one in asked if name in one] for name in ("yaw", "gaze_x"))
    assert yaw == [-18, -8, 12, 22] and gaze == [-20, -10, 10, 20], "the photo shows a yaw of 2"
