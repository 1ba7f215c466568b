"""Raw sets as people have them: names, people, emotions, values, and what is dropped and why."""

from __future__ import annotations

import io
import pickle
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mimica.data.dataset import open_datasets
from mimica.data.sources.base import Dropped, RawFace
from mimica.data.sources.cfee import cfee_annotations
from mimica.data.sources.registry import SOURCES
from mimica.errors import DataError, NoFaceError, UserError, ValueRangeError
from mimica.facs import AU_NAMES, SIDED_AU_NAMES
from mimica.prepare import faces as prepare_module
from mimica.prepare.faces import prepare
from mimica.reader.read import FaceReading

HEADER = ", ".join(["frame", "face_id", "confidence", "success", *(f"{name}_r" for name in AU_NAMES)])


def draw(path: Path, shade: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 30, 3), shade, np.uint8)).save(path)
    return path


def found(name: str, folder: Path) -> tuple[dict[str, RawFace], dict[str, str]]:
    results = list(SOURCES[name](folder))
    kept = {one.name: one for one in results if isinstance(one, RawFace)}
    return kept, {one.name: one.why for one in results if isinstance(one, Dropped)}


def openface_row(value: float, success: int = 1, confidence: float = 0.9) -> str:
    return ", ".join(["1", "0", str(confidence), str(success), *[str(value)] * 17])


def test_a_folder_of_a_folder_is_a_person(tmp_path: Path) -> None:
    draw(tmp_path / "anna" / "1.png")
    draw(tmp_path / "2.png")
    kept, _ = found("folder", tmp_path)
    assert {face.subject for face in kept.values()} == {"anna", "2"}


def test_openface_tables_give_values_from_0_to_1(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        draw(tmp_path / f"{name}.png")
    (tmp_path / "a.csv").write_text("\n".join([HEADER, openface_row(1.0, confidence=0.5), openface_row(2.5)]))
    (tmp_path / "b.csv").write_text("\n".join([HEADER, openface_row(0.0, success=0)]))
    kept, dropped = found("openface", tmp_path)
    assert kept["a.png"].values == dict.fromkeys(AU_NAMES, 0.5)
    assert dropped == {"b.png": "OpenFace found no face in it", "c.png": "no row of an OpenFace table"}
    (tmp_path / "c.csv").write_text("\n".join([HEADER, openface_row(7.0)]))
    with pytest.raises(DataError, match="outside OpenFace's 0 to 5"):
        found("openface", tmp_path)


def test_one_openface_table_with_names_serves_all(tmp_path: Path) -> None:
    draw(tmp_path / "imgs" / "a.png")
    (tmp_path / "all.csv").write_text("\n".join(["name, " + HEADER, "imgs/a.png, " + openface_row(5.0)]))
    assert found("openface", tmp_path)[0]["imgs/a.png"].values == dict.fromkeys(AU_NAMES, 1.0)


def test_the_authors_layout(tmp_path: Path) -> None:
    draw(tmp_path / "imgs" / "x.jpg")
    draw(tmp_path / "imgs" / "unlisted.jpg")
    table = {"x": np.linspace(0, 5, 17), "unlisted": np.zeros(17), "gone": np.zeros(17)}
    (tmp_path / "aus_openface.pkl").write_bytes(pickle.dumps(table, 2))
    (tmp_path / "train_ids.csv").write_text("x.jpg\ngone.jpg\n")
    (tmp_path / "test_ids.csv").write_text("unknown.jpg\n")
    kept, dropped = found("authors", tmp_path)
    assert list(kept) == ["x"] and set(dropped) == {"gone", "unknown"}
    assert kept["x"].values is not None
    assert kept["x"].values["AU45"] == 1.0 and kept["x"].values["AU02"] == pytest.approx(1 / 16)


@pytest.mark.parametrize(
    ("key", "listed"), [("x.jpg", "x"), ("imgs/x.jpg", "x.jpg"), ("x", "imgs/x.jpg"), ("C:\\imgs\\x.JPG", '"x.jpg",')]
)
def test_the_authors_names_are_compared_by_stem(tmp_path: Path, key: str, listed: str) -> None:
    draw(tmp_path / "imgs" / "x.jpg")
    draw(tmp_path / "imgs" / "N_01.02.jpg")
    table = {key: np.linspace(0, 5, 17), key.replace("x", "N_01.02"): np.zeros(17)}
    (tmp_path / "aus_openface.pkl").write_bytes(pickle.dumps(table, 2))
    (tmp_path / "train_ids.csv").write_text(f"{listed}\n{listed.replace('x', 'N_01.02')}\n")
    kept, dropped = found("authors", tmp_path)
    assert set(kept) == {"x", "N_01.02"} and not dropped


@pytest.mark.parametrize("hole", ["nan", "-nan(ind)", ""])
def test_openface_rows_with_holes(tmp_path: Path, hole: str) -> None:
    for name in ("a", "b", "c"):
        draw(tmp_path / f"{name}.png")
    bad = ", ".join(["1", "0.99", *[hole] * 17])
    header = "success, confidence, " + ", ".join(f"{name}_r" for name in AU_NAMES)
    good = ", ".join(["1", "0.5", *["5.0"] * 17])
    lost = ", ".join(["0", hole, *[hole] * 17])
    (tmp_path / "a.csv").write_text("\n".join([header, bad, good]))
    (tmp_path / "b.csv").write_text("\n".join([header, bad]))
    (tmp_path / "c.csv").write_text("\n".join([header, lost]))
    kept, dropped = found("openface", tmp_path)
    assert kept["a.png"].values == dict.fromkeys(AU_NAMES, 1.0)
    assert set(dropped) == {"b.png", "c.png"}


def test_a_plain_folder_names_what_it_does_not_take(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    for name in ("b.mp4", "c.xyz", "d.txt"):
        (tmp_path / name).write_bytes(b"x")
    kept, dropped = found("folder", tmp_path)
    assert list(kept) == ["a.png"] and dropped == {"b.mp4": "a video", "c.xyz": "of a kind that is not read"}


def test_emotionet_lists(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "N_0001.jpg")
    urls = ["http://example.org/a/N_0001.jpg, 1, 0, 999", "http://example.org/b/N_0002.jpg?x=1, 0, 0, 0"]
    (tmp_path / "URLs.csv").write_text("\n".join(["URL, AU 1, AU 2, AU 4", *urls]))
    kept, dropped = found("emotionet", tmp_path)
    assert list(kept) == ["N_0001"] and dropped == {"N_0002.jpg": "not downloaded"}
    with pytest.raises(DataError, match="no list"):
        found("emotionet", tmp_path / "images")


def test_rafd_names(tmp_path: Path) -> None:
    for name in ("Rafd090_01_Caucasian_female_angry_frontal", "Rafd180_01_Caucasian_female_happy_left", "other"):
        draw(tmp_path / f"{name}.jpg")
    kept, dropped = found("rafd", tmp_path)
    (face,) = kept.values()
    assert (face.subject, face.emotion) == ("rafd-01", "anger")
    assert set(dropped.values()) == {"a profile view", "its name is none of RaFD's"}


def test_celeba_people(tmp_path: Path) -> None:
    draw(tmp_path / "img_celeba" / "000001.jpg")
    draw(tmp_path / "img_celeba" / "000002.jpg")
    (tmp_path / "identity_CelebA.txt").write_text("000001.jpg 2880\n")
    kept, _ = found("celeba", tmp_path)
    assert {face.subject for face in kept.values()} == {"celeba-2880", "000002"}


def test_cfee_names(tmp_path: Path) -> None:
    draw(tmp_path / "Happily_Surprised" / "IMG_0123.JPG")
    draw(tmp_path / "s045_angry.jpg")
    draw(tmp_path / "nobody.jpg")
    kept, dropped = found("cfee", tmp_path)
    people = {face.subject: face.emotion for face in kept.values()}
    assert people.get("cfee-123") == "happily_surprised" and people.get("cfee-45") == "anger"
    assert list(dropped) == ["nobody.jpg"]


def test_cfee_as_published(tmp_path: Path) -> None:
    for name in ("01-04/Images1/02_339_3470.jpg", "01-04/Images1/01_126_3963.jpg", "21-26/Images6/23_178.jpg"):
        draw(tmp_path / "CFEE_Database_230" / name)
    kept, _ = found("cfee", tmp_path)
    faces = {Path(name).name: (face.subject, face.emotion) for name, face in kept.items()}
    assert faces == {
        "02_339_3470.jpg": ("cfee-339", ""),
        "01_126_3963.jpg": ("cfee-126", "neutral"),
        "23_178.jpg": ("cfee-178", ""),
    }


def test_cfees_table() -> None:
    sheets = {
        "summary": [[1, "Neutral"], [2.0, "Happy"], [], [9.0, "Happily surprised"], ["", "note"]],
        "Happy": [["subject", "AU6", 12, "remark"], [339, 1, 1, "x"], [126, "", 1], [], ["mean", 1, 1, 1]],
        "9": [["subject", 25.0], [339, 1]],
        "Neutral": [["laid out", "otherwise"], ["a", "b"]],
    }
    names, units = cfee_annotations(sheets)
    assert names == {1: "neutral", 2: "happiness", 9: "happily_surprised"}
    assert units == {
        (2, 339): {"AU06": 1, "AU12": 1},
        (2, 126): {"AU06": 0, "AU12": 1},
        (9, 339): {"AU25": 1},
    }
    with pytest.raises(DataError, match="summary"):
        cfee_annotations({"Happy": sheets["Happy"]})


def test_cfee_with_its_table(tmp_path: Path) -> None:
    pytest.importorskip("xlrd")
    draw(tmp_path / "02_339_3470.jpg")
    shutil.copy(Path(__file__).parents[1] / "foreign" / "small.xls", tmp_path / "AU_annotation_all_subjects.xls")
    kept, _ = found("cfee", tmp_path)
    (face,) = kept.values()
    assert face.emotion == "happiness" and face.values == {"AU06": 0, "AU12": 1}


def test_impa(tmp_path: Path) -> None:
    for number in ("00", "01", "06", "08", "11"):
        draw(tmp_path / "facesdb" / "s017" / "bmp" / f"s017-{number}_img.bmp")
    draw(tmp_path / "other.png")
    kept, dropped = found("impa", tmp_path)
    assert {name[-6:-4]: face.emotion for name, face in kept.items()} == {
        "00": "neutral", "01": "happiness", "06": "fear", "08": "",
    }  # fmt: skip
    assert {face.subject for face in kept.values()} == {"impa-17"} and set(dropped) == {"s017-11_img.bmp", "other.png"}


def test_mug(tmp_path: Path) -> None:
    for take in ("001/anger/take000", "001/session1/neutral/take002", "002/surprise/take001"):
        for frame in range(5):
            draw(tmp_path / "subjects3" / take / f"img_{frame:04d}.jpg")
    draw(tmp_path / "subjects3" / "stray.jpg")
    kept, dropped = found("mug", tmp_path)
    assert {(f.subject, f.emotion, f.path.name if f.path else "") for f in kept.values()} == {
        ("mug-1", "anger", "img_0002.jpg"), ("mug-1", "neutral", "img_0002.jpg"), ("mug-2", "surprise", "img_0002.jpg"),
    }  # fmt: skip
    assert list(dropped) == ["subjects3"]


def tar_set(folder: Path, tar: str, rows: list[dict[str, Any]]) -> None:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame(rows).to_parquet(folder / "labels.parquet")
    with tarfile.open(folder / tar, "w") as archive:
        for row in rows[:-1]:
            stream = io.BytesIO()
            Image.fromarray(np.full((20, 20), 90, np.uint8)).save(stream, "JPEG")
            info = tarfile.TarInfo(row["file"])
            info.size = stream.tell()
            stream.seek(0)
            archive.addfile(info, stream)


@pytest.mark.parametrize("name, tar", [("faces", "tight160-000.tar"), ("reanimated", "frames_0.tar")])
def test_sets_in_tars_are_prepared_as_they_are(tmp_path: Path, name: str, tar: str) -> None:
    units = {name.lower(): 0.25 for name in AU_NAMES} | {"au09": float("nan")}
    row = {"emotion": "anger", "recipe": "anger", "source_id": "photo", **units}
    rows = [{"file": f"{i}.jpg", "subject": f"s{i}", **row} for i in range(3)]
    rows[1]["recipe"] = "real_smile"
    (tmp_path / "raw").mkdir()
    tar_set(tmp_path / "raw", tar, rows)
    report = prepare(name, tmp_path / "raw", tmp_path / "out", size=16)
    assert report.kept == 2 and report.dropped == [Dropped("2.jpg", "in the table, not in the archives")]
    faces = open_datasets([tmp_path / "out"])
    assert len(faces.controls) == 16 and "AU09" not in faces.controls
    rendered = name == "reanimated"
    assert faces.emotions == ("anger", "" if rendered else "anger") and (faces.values == 0.25).all()
    assert faces.photos == ("photo" if rendered else "", "")  # the real smile is a picture of another moment
    assert (faces.images([1], 16) == 90).all()


def reading(eyes: tuple[float, float]) -> FaceReading:
    points = np.zeros((68, 2), np.float32)
    points[36:42], points[42:48], points[48:68] = (eyes[0], 15), (eyes[1], 15), (15, 30)
    units = dict.fromkeys(SIDED_AU_NAMES, 0.5)
    return FaceReading((0, 0, 1, 1), points, np.zeros((2, 2)), 1.0, 0, 0, 0, units, {"neutral": 1.0})


def test_faces_are_found_cut_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest face is taken; pictures without one, or unreadable, are dropped with the reason."""
    raw = tmp_path / "raw"
    for i in range(4):
        draw(raw / f"{i}.png", shade=50 * i)
    (raw / "broken.png").write_bytes(b"no picture")

    def find(photo: np.ndarray, reader: Any) -> FaceReading:
        if photo[0, 0, 0] == 50:
            raise NoFaceError("No face.")
        return reading((10, 20))

    monkeypatch.setattr(prepare_module, "largest_face", find)
    monkeypatch.setattr(prepare_module, "Reader", lambda threads: None)
    seen: list[tuple[int, int]] = []
    report = prepare("folder", raw, tmp_path / "out", size=32, progress=lambda *counts: seen.append(counts))
    assert report.kept == 3 and seen[-1] == (3, 2)
    assert "3 faces kept, 2 dropped" in str(report) and "1: no face was found" in str(report)
    listed = (tmp_path / "out" / "dropped.csv").read_text()
    assert "1.png,no face was found" in listed and "broken.png,the picture cannot be read" in listed
    faces = open_datasets([tmp_path / "out"])
    assert faces.names == ("0.png", "2.png", "3.png") and (faces.values == 0.5).all()
    assert (faces.images([2], 32)[0, 10:20, 10:20] == 150).all()


def test_nothing_is_left_of_a_preparation_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "raw" / "a.png")

    def find(photo: np.ndarray, reader: Any) -> FaceReading:
        raise NoFaceError("No face.")

    monkeypatch.setattr(prepare_module, "largest_face", find)
    monkeypatch.setattr(prepare_module, "Reader", lambda threads: None)
    with pytest.raises(DataError, match="Nothing in"):
        prepare("folder", tmp_path / "raw", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
    with pytest.raises(ValueRangeError, match="did you mean 'rafd'"):
        prepare("rafdb", tmp_path / "raw", tmp_path / "out")
    with pytest.raises(UserError, match="no folder"):
        prepare("folder", tmp_path / "none", tmp_path / "out")
