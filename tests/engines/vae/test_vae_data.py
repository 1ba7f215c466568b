"""Reading the sets that people have, the VAE's format, masks by GrabCut, frames laid over their photo."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from bright_mouth import ASTRONAUT
from hypothesis import given, settings
from hypothesis import strategies as st

from mimica.data.attribute_sets import find_set, with_labels
from mimica.engines.vae.data import open_data, spread
from mimica.engines.vae.masks import SIDE, cached_mask, head_mask, overlay, seeds
from mimica.errors import DataError
from mimica.face.align import crop_from_photo, cut, transform
from mimica.facs import SIDED_AU_NAMES
from mimica.pictures.images import write_image
from mimica.prepare.vae import from_units, prepare


def _celeba(folder: Path) -> None:
    (folder / "img_align_celeba").mkdir()
    (folder / "list_attr_celeba.txt").write_text("2\nSmiling Blond_Hair\n000001.jpg -1  1\n000002.jpg  1 -1\n")
    (folder / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 2\n")
    (folder / "identity_CelebA.txt").write_text("000001.jpg 77\n000002.jpg 78\n")


def test_celebas_layout(tmp_path):
    _celeba(tmp_path)
    found = find_set(tmp_path)
    assert found.attributes == ("smiling", "blond_hair")
    first, second = found.faces
    assert first.values == {"smiling": 0.0, "blond_hair": 1.0} and second.values == {"smiling": 1.0, "blond_hair": 0.0}
    assert (first.subject, first.validation, second.validation) == ("celeba-77", False, True)


def test_celebas_table_is_checked(tmp_path):
    _celeba(tmp_path)
    (tmp_path / "list_attr_celeba.txt").write_text("1\nSmiling\n000001.jpg yes\n")
    with pytest.raises(DataError, match="-1 or 1"):
        find_set(tmp_path)


def test_celebamask_hq_unites_the_parts_of_a_head(tmp_path):
    (tmp_path / "CelebAMask-HQ-attribute-anno.txt").write_text("1\nSmiling\n0.jpg 1\n")
    (tmp_path / "CelebA-HQ-to-CelebA-mapping.txt").write_text("idx orig_idx orig_file\n0 119613 119614.jpg\n")
    (tmp_path / "list_eval_partition.txt").write_text("119614.jpg 1\n")
    parts = tmp_path / "CelebAMask-HQ-mask-anno" / "0"
    parts.mkdir(parents=True)
    for part, column in (("skin", 0), ("hair", 1), ("neck", 2)):
        mask = np.zeros((4, 4, 3), np.uint8)
        mask[:, column] = 255
        write_image(parts / f"00000_{part}.png", mask)
    (face,) = find_set(tmp_path).faces
    assert face.validation and face.aligned and face.mask is not None
    assert face.mask()[0].tolist() == [255, 255, 0, 0], "the neck is no part of the head"


def test_a_table_of_ones_own(tmp_path):
    for name in ("a.png", "b.png"):
        write_image(tmp_path / name, np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "attributes.csv").write_text("file,subject,split,hat,glad\na.png,ann,train,1,0.25\nb.png,bob,test,-1,\n")
    found = find_set(tmp_path)
    assert found.attributes == ("hat", "glad")
    assert [face.values for face in found.faces] == [{"hat": 1.0, "glad": 0.25}, {"hat": 0.0}]
    assert [face.validation for face in found.faces] == [False, True]
    (tmp_path / "more.csv").write_text("file,beard,hat\na.png,1,\n")
    more = with_labels(found, tmp_path / "more.csv")
    assert more.attributes == ("hat", "glad", "beard") and more.faces[0].values == {"hat": 1.0, "glad": 0.25, "beard": 1.0}
    (tmp_path / "attributes.csv").write_text("file,hat\na.png,5\n")
    with pytest.raises(DataError, match="numbers from 0 to 1"):
        find_set(tmp_path)


def test_what_is_no_set_is_refused(tmp_path):
    with pytest.raises(DataError, match="no set with attributes"):
        find_set(tmp_path)
    with pytest.raises(DataError, match="no folder"):
        find_set(tmp_path / "nowhere")


def test_the_format_survives_and_damage_is_told(tiny_data: Path, tmp_path):
    data = open_data(tiny_data)
    assert len(data) == 60 and data.images.shape == (60, 16, 16, 3) and data.masks.shape == (60, 16, 16)
    assert data.attributes[:2] == ("smile", "age") and data.rows(validation=True).tolist() == [
        row for row in range(60) if row // 3 % 5 == 0
    ]
    assert data.photos[4] == "p1" and data.names[4] == "p1_1"
    with pytest.raises(DataError, match="mimica prepare vae"):
        open_data(tmp_path)
    about = json.loads((tiny_data / "faces.json").read_text())
    (tmp_path / "faces.json").write_text(json.dumps({**about, "count": 61}))
    with pytest.raises(DataError, match=r"damaged|cannot be read"):
        open_data(tmp_path)


@given(st.integers(1, 500), st.integers(1, 50))
def test_spread_takes_no_more_than_asked_and_no_row_twice(rows, count):
    chosen = spread(np.arange(rows) * 2, count)
    assert len(chosen) == min(rows, count) == len(set(chosen)) and set(chosen) <= set(range(0, 2 * rows, 2))


def test_values_made_of_units():
    units = dict.fromkeys(SIDED_AU_NAMES, 0.0) | {"AU12L": 0.8, "AU12R": 0.4, "AU01L": 1.0, "AU01R": 1.0, "AU45R": 0.5}
    made = from_units(units)
    assert made["smile"] == pytest.approx(0.6) and made["raised_brows"] == pytest.approx(0.5)
    assert made["closed_eyes"] == pytest.approx(0.25) and made["AU12L"] == 0.8


# --- masks ----------------------------------------------------------------------------------------------------------


def _on_blue(astronaut: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    matrix = crop_from_photo(ASTRONAUT, SIDE, "ffhq")
    return cut(astronaut, matrix, SIDE), transform(ASTRONAUT, matrix)


def test_a_head_is_found_and_its_surroundings_are_not(astronaut):
    crop, points = _on_blue(astronaut)
    mask = head_mask(crop, points)
    assert mask.shape == (SIDE, SIDE) and mask.dtype == np.uint8
    inner = points[17:].astype(int)
    assert (mask[inner[:, 1], inner[:, 0]] > 200).all(), "brows, eyes, nose and mouth are head"
    hair = (points[17:27].mean(0) + 0.45 * (points[27] - points[8])).astype(int)
    assert mask[hair[1], hair[0]] > 200
    assert mask[SIDE // 3, [2, -3]].max() < 50 and mask[:4, [3, -4]].max() < 50
    assert 0.15 < (mask > 127).mean() < 0.7
    assert np.array_equal(mask, head_mask(crop, points)), "no chance in it"
    shown = overlay(crop, mask)
    assert np.array_equal(shown[mask == 255], crop[mask == 255]) and not np.array_equal(shown, crop)


@settings(max_examples=20, deadline=None)
@given(st.floats(-30, 30), st.floats(0.7, 1.3), st.floats(-15, 15), st.floats(-15, 15))
def test_seeds_follow_the_face(angle, scale, dx, dy):
    """Turned, scaled and shifted landmarks: the nose is always head, and some of the rest is open."""
    points = transform(ASTRONAUT, crop_from_photo(ASTRONAUT, SIDE, "ffhq"))
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, scale) + np.array([[0, 0, dx], [0, 0, dy]])
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    labels = seeds(moved)
    x, y = (int(v) for v in moved[30])
    assert labels[y, x] == cv2.GC_FGD and set(np.unique(labels)) == {0, 1, 2, 3}


def test_masks_are_kept(astronaut, tmp_path, monkeypatch):
    crop, points = _on_blue(astronaut)
    first = cached_mask(crop, points, tmp_path / "masks")
    assert len(list((tmp_path / "masks").glob("*.png"))) == 1
    monkeypatch.setattr("mimica.engines.vae.masks.head_mask", lambda *_: pytest.fail("it is known already"))
    assert np.array_equal(cached_mask(crop, points, tmp_path / "masks"), first)


# --- preparing ------------------------------------------------------------------------------------------------------


def test_a_folder_is_prepared(astronaut, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    write_image(photos / "eileen.png", astronaut)
    write_image(photos / "nobody.png", np.full((200, 200, 3), 90, np.uint8))
    (photos / "attributes.csv").write_text("file,astronaut\neileen.png,1\nnobody.png,0\n")
    report = prepare(photos, tmp_path / "data", size=48)
    assert (report.kept, report.complete, len(report.dropped)) == (1, True, 1)
    data = open_data(tmp_path / "data")
    assert data.images.shape == (1, 48, 48, 3) and data.values_of("astronaut").tolist() == [1.0]
    assert 0 <= data.values_of("smile")[0] <= 1 and abs(data.values_of("turned")[0] - 0.5) < 0.3
    assert 0.15 < (data.masks[0] > 127).mean() < 0.75
    matrix = crop_from_photo(ASTRONAUT, 48, "ffhq")
    assert np.abs(data.images[0].astype(int) - cut(astronaut, matrix, 48)).mean() < 12, "the ffhq crop"
