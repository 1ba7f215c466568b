"""`annotate` in parts: the same rows as in one table; tars and lists of photos as inputs of both."""

import io
import tarfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from annotate_driver import BrightnessFinder, run

from mimica.annotate.parts import annotate_parts
from mimica.data.inputs import find_inputs
from mimica.errors import UserError
from mimica.jobs.merge import merge
from mimica.jobs.shards import Processes, Share
from mimica.motion.openface_columns import columns
from mimica.pictures.images import encode_image, write_image
from mimica.video.writer import VideoWriter

FINDER = partial(BrightnessFinder, 0.0)


def picture(level: int) -> np.ndarray:
    return np.full((32, 64, 3), level, np.uint8)


def tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Five photos, one damaged, a video, and a tar of two photos, one damaged."""
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(5):
        write_image(folder / f"{number}.png", picture([0, 100, 250][number % 3]))
    (folder / "2.png").write_bytes(b"no photo")
    with VideoWriter(folder / "7.mp4", 25, (64, 32)) as video:
        for _ in range(6):
            video.write(picture(100))
    png = bytes(encode_image(Path("a.png"), picture(100)))
    tar(folder / "9.tar", {"a.png": png, "a.json": b"{}", "b.png": b"no photo", "c.png": png})
    return folder


def test_parts_hold_the_table_s_rows(album: Path, tmp_path: Path) -> None:
    summary = run(tmp_path / "one.csv", 1, 0.0, album)
    totals = annotate_parts([album], tmp_path / "parts", format="csv", part=2, driver=Processes(), make_finder=FINDER)
    merged = merge(tmp_path / "parts", tmp_path / "parts.csv")
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    assert totals.parts == 5 and totals.errors == merged.errors == 2
    assert [Path(failure.name).name for failure in summary.failures] == ["2.png"]
    assert dict(summary.partly[str(album / "9.tar")]) == {"pictures that cannot be read": 1}
    assert f"{album / '9.tar'}/b.png" in (tmp_path / "parts.errors.csv").read_text()
    assert f",{album / '9.tar'}/c.png" in (tmp_path / "one.csv").read_text()


def test_parquet_has_openface_s_columns_as_numbers(album: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
    annotate_parts([album], tmp_path / "parts", part=3, driver=Share(1, 1, 2), make_finder=FINDER)
    annotate_parts([album], tmp_path / "parts", part=3, driver=Share(1, 2, 2), make_finder=FINDER)
    merge(tmp_path / "parts", tmp_path / "all.parquet")
    table = parquet.read_table(tmp_path / "all.parquet")
    assert table.column_names == [*columns(), "input"]
    assert str(table.schema.field("AU12_r").type) == "double" and str(table.schema.field("frame").type) == "int64"
    assert table["AU12_r"].to_pylist()[1] == pytest.approx(1.96)


def test_a_list_names_paths(album: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{album / '3.png'}\n\n{album / '0.png'}\n{album / 'gone.png'}\n")
    assert [one.path.name for one in find_inputs([f"@{listed}"]).inputs] == ["3.png", "0.png", "gone.png"]
    totals = annotate_parts([f"@{listed}"], tmp_path / "parts", format="csv", make_finder=FINDER)
    assert (totals.rows, totals.errors) == (2, 1)
    with pytest.raises(UserError, match="list"):
        find_inputs(["@nothing.txt"])


def test_other_columns_are_another_job(album: Path, tmp_path: Path) -> None:
    for options in ({"columns": "pyfeat"}, {"columns": "arkit"}, {"landmarks": True}):
        name = str(options)
        totals = annotate_parts([album], tmp_path / name, format="csv", make_finder=FINDER, **options)  # type: ignore[arg-type]
        assert totals.rows == 12
    with pytest.raises(UserError, match="another settings"):
        annotate_parts([album], tmp_path / name, format="csv", make_finder=FINDER)
