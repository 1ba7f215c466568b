"""Folders of training data as the reader takes them."""

import json

import numpy as np
import pytest

from mimica.data.dataset import is_validation
from mimica.errors import DataError
from mimica.facs import EMOTIONS, SIDED_AU_NAMES
from mimica.pictures.images import write_image
from mimica.reader.data import CROP, lip_part, load, subject_key


def write_pairs(folder, side: int = 240) -> None:
    """Two people, a source and a smile of each; the second is named by `subject`."""
    rows = []
    for person, subject in (("anna", None), ("ben_1", "ben")):
        for k, recipe in enumerate(("source", "happiness")):
            name = f"{person}_{k}.png"
            write_image(folder / name, np.full((side, side, 3), 100 + 50 * k, np.uint8))
            row = {"file": name, "source_id": person, "is_source": k == 0, "recipe": recipe, "lm68": [side / 2] * 136}
            row |= {"au_left": [0.5 * k] * 17, "au_right": [0.25 * k] * 17, "yaw": 11.7, "pitch": 4.0, "roll": 1.0}
            rows.append(row | ({"subject": subject} if subject else {"subject": person}))
    (folder / "labels.jsonl").write_text("\n".join(json.dumps(row) for row in rows))


def test_pairs_are_brought_to_the_crop(tmp_path):
    write_pairs(tmp_path)
    data = load(tmp_path)
    assert data.gray.shape == (4, CROP, CROP) and data.gray[1, 5, 5] == 150
    assert data.points[0, 0] == pytest.approx([CROP / 2] * 2) and np.isnan(data.points[0, 68:]).all()
    assert data.exact.tolist() == [False, True, False, True], "a source's Action Units are estimates"
    assert data.aus[1, SIDED_AU_NAMES.index("AU12L")] == 0.5 and data.aus[1, SIDED_AU_NAMES.index("AU12R")] == 0.25
    assert [EMOTIONS[e] for e in data.emotion[:2]] == ["neutral", "happiness"]
    assert data.pose[0] == pytest.approx([10, 0, 1], abs=1e-5), "the renderer's angles on the reader's scale"
    assert data.validation.tolist() == [is_validation(name) for name in ("anna", "anna", "ben", "ben")]


def test_sets_add_up_and_part(tmp_path):
    write_pairs(tmp_path, side=CROP)
    data = load(tmp_path)
    assert len(data + data) == 8
    assert len(data.subset(data.exact)) == 2


def test_a_folder_that_is_none_is_told(tmp_path):
    with pytest.raises(DataError, match=r"labels.parquet or labels.jsonl"):
        load(tmp_path)


def test_press_photos_have_one_name_in_both_sets():
    assert subject_key("web_A_B") == subject_key("lfw_A_B") == "lfw_A_B"


def test_lips_part_between_closed_and_full():
    points = np.zeros((3, 68, 2))
    points[:, 36:42], points[:, 42:48] = [-0.5, 0], [0.5, 0]  # eyes at a distance of 1
    for i, gap in enumerate((0.007, (0.007 + 0.16) / 2, 0.5)):
        points[i, [67, 66, 65]] = [0, gap]
    assert lip_part(points) == pytest.approx([0, 0.5, 1])
