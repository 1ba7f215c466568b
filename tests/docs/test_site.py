"""The site's own parts; `make site` builds all of it, where a warning is an error."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

from build_site import RUN, collect, examples, notebook_page, run_examples, with_the_rest, without_folders  # noqa: E402
from site_controls import CELL, STEPS, control_reference  # noqa: E402

from mimica.facs import ACTION_UNITS  # noqa: E402


def test_examples_are_found_and_run_in_their_order(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("x\n```python\na = 1\n```\n\n```sh\nmimica nonsense\n```\n```python\nopen(f'{a}.txt', 'w').close()\n```\n")
    assert [language for language, _ in examples(page.read_text())] == ["python", "python"]
    run_examples(page, tmp_path / "work")
    assert (tmp_path / "work" / "1.txt").exists() and (tmp_path / "work" / "photo.jpg").exists()
    page.write_text("```bash\nmimica read nothing.jpg\n```\n")
    with pytest.raises(Exception, match=r"nothing\.jpg"):
        run_examples(page, tmp_path / "again")


@pytest.mark.parametrize("name", RUN)
def test_pictures_of_a_page_are_made_by_it(name: str) -> None:
    text = (DOCS / "site" / name).read_text(encoding="utf-8")
    made = " ".join(body for _, body in examples(text))
    for picture in re.findall(r"\{(?:figure|image)\} made/(\S+)\.\w+", text):
        assert f"{picture}." in made, picture


def test_stills_are_made_smaller_and_films_stay(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1000)).save(tmp_path / "a.png")
    (tmp_path / "b.webp").write_bytes(b"film")
    (tmp_path / "c.csv").write_text("1")
    collect(tmp_path, tmp_path / "made")
    assert Image.open(tmp_path / "made" / "a.jpg").size == (960, 320)
    assert (tmp_path / "made" / "b.webp").read_bytes() == b"film" and len(list((tmp_path / "made").iterdir())) == 2


def test_links_to_folders_are_words_there_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    text = "[all](data), [one](data/a.md), [web](https://x.y/data), [gone](none)"
    assert without_folders(text, tmp_path) == "all, [one](data/a.md), [web](https://x.y/data), [gone](none)"


def test_pages_that_the_first_does_not_name_are_listed_at_its_end() -> None:
    index = "# x\n\n../a.md\n"
    assert with_the_rest(index, ["a.md"]) == index
    assert with_the_rest(index, ["a.md", "b.md"]).endswith("\n\n../b.md\n```\n")


def test_a_notebook_as_a_page() -> None:
    page = notebook_page(DOCS / "notebooks" / "edit_and_animate.ipynb")
    assert page.startswith("# Edit and animate") and "```python\nengine = mimica.load_engine()" in page


def test_every_control_is_told_and_drawn(tmp_path: Path) -> None:
    page = control_reference(ROOT / "examples" / "astronaut.jpg", tmp_path, only=("AU26", "yaw"))
    for unit in ACTION_UNITS:
        assert f"### {unit.control}: {unit.name}" in page and unit.muscle in page and f"`{unit.control}_r`" in page
    for name in ("yaw", "pitch", "roll", "gaze_x", "gaze_y"):
        assert f"### {name}: " in page
    assert "`browDownLeft` (and the right side's)" in page and "`AU43`" in page and "-20 to 20 °" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["AU26.jpg", "yaw.jpg"]
    strip = np.asarray(Image.open(tmp_path / "AU26.jpg"), int)
    assert strip.shape == (CELL, STEPS * CELL, 3)
    assert abs(strip[:, :CELL] - strip[:, -CELL:]).mean() > 2, "the first step and the last differ"
