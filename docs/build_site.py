"""The documentation as static files: `make site` (`python docs/build_site.py`), into build/site. Nothing is fetched.

The pages of docs/site stand beside README, docs and model cards; the control reference is written from the code, with strips made
from the example photo; what the pages show as commands (`bash`) and Python is run, in its order, in one folder a page, and their
pictures are what came of it (`sh` is shown only). Any warning of the generator, a link to nowhere among them, is an error.
docs/site/index.md says why it is Sphinx.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from PIL import Image  # noqa: E402
from site_controls import control_reference  # noqa: E402

PHOTO = ROOT / "examples" / "astronaut.jpg"
RUN = ("tutorial.md", "howto.md")
"""Pages whose examples are run."""
TAKEN = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "mimica/facs.py", "comfyui/README.md")
SHOWN_SIDE = 480
AROUND_THE_FACE = (83, 0, 363, 280)
_HOME = (
    '<!doctype html><meta charset="utf-8"><title>Mimica</title><meta http-equiv="refresh" content="0; url=docs/site/index.html">'
)


def staged(target: Path) -> None:
    """The sources as the generator is to see them: the repository's own places, so that its links hold."""
    files = [ROOT / name for name in TAKEN]
    files += [*HERE.glob("*.md"), *(HERE / "site").glob("*.md"), *(HERE / "pictures").iterdir()]
    files += [*(ROOT / "mimica" / "weights").glob("*.md"), *(ROOT / "examples").iterdir()]
    for file in files:
        copy = target / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    for page in target.rglob("*.md"):
        page.write_text(
            without_folders(page.read_text(encoding="utf-8"), ROOT / page.parent.relative_to(target)), encoding="utf-8"
        )
    index = target / "docs" / "site" / "index.md"
    pages = sorted(page.name for page in HERE.glob("*.md"))
    index.write_text(with_the_rest(index.read_text(encoding="utf-8"), pages), encoding="utf-8")
    for notebook in sorted((HERE / "notebooks").glob("*.ipynb")):
        (target / "docs" / "site" / f"notebook_{notebook.stem}.md").write_text(notebook_page(notebook), encoding="utf-8")


def with_the_rest(index: str, pages: list[str]) -> str:
    """The first page, and in a list at its end the pages of docs that it does not name."""
    rest = [f"../{name}" for name in pages if f"../{name}\n" not in index]
    lines = ["", "```{toctree}", ":caption: More", ":maxdepth: 1", "", *rest, "```", ""]
    return index + "\n".join(lines) if rest else index


def without_folders(text: str, place: Path) -> str:
    """A page of `place` whose links to folders of the repository, which are no pages, are plain words."""
    return re.sub(r"\[([^\]]+)\]\(([^)\s#:]+)\)", lambda m: m[1] if (place / m[2]).is_dir() else m[0], text)


def notebook_page(path: Path) -> str:
    """A notebook as a page: its words, and its code as code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    return "\n\n".join([*parts, f"(This page is the notebook docs/notebooks/{path.name} of the repository.)"]) + "\n"


# --- examples ---------------------------------------------------------------------------------------------------------


def examples(text: str) -> list[tuple[str, str]]:
    """The blocks of a page that are run: (language, what stands in it)."""
    return re.findall(r"^```(bash|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run_examples(page: Path, folder: Path) -> None:
    """Runs a page's examples in `folder`, where photo.jpg is the example photo around its face. Raises what goes wrong."""
    from mimica.cli import app

    folder.mkdir(parents=True)
    with Image.open(PHOTO) as photo:
        photo.crop(AROUND_THE_FACE).resize((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS).save(
            folder / "photo.jpg", quality=95
        )
    names: dict[str, object] = {}
    with _inside(folder):
        for language, text in examples(page.read_text(encoding="utf-8")):
            if language == "python":
                exec(compile(text, page.name, "exec"), names)
                continue
            for line in text.splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0] == "mimica":
                    _run(app, words[1:], f"{page.name}: {line}")


def _run(app: object, words: list[str], where: str) -> None:
    print(f"    {where}", flush=True)
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        code = app(words, standalone_mode=False)  # type: ignore[operator]
    if code:
        raise SystemExit(f"{where} ended with {code}.")


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def collect(folder: Path, target: Path) -> None:
    """The pictures that examples made, stills of at most `SHOWN_SIDE` pixels."""
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.iterdir()):
        if file.suffix in (".webp", ".gif"):
            shutil.copy(file, target / file.name)
        elif file.suffix in (".jpg", ".png"):
            with Image.open(file) as image:
                image.thumbnail((SHOWN_SIDE * 2, SHOWN_SIDE))
                image.convert("RGB").save(target / f"{file.stem}.jpg", quality=88)


# --- all of it --------------------------------------------------------------------------------------------------------


def build(output: Path, quick: bool = False) -> int:
    """The site at `output`; the generator's exit code. With `quick`, examples are not run and strips are not made."""
    source, made = output.parent / "site-source", output.parent / "site-source" / "docs" / "site" / "made"
    work = output.parent / "site-work"
    for folder in (source, work, output):
        shutil.rmtree(folder, ignore_errors=True)
    start = time.monotonic()
    staged(source)
    made.mkdir(parents=True)
    (source / "docs" / "site" / "controls.md").write_text(control_reference(PHOTO, made, () if quick else None), encoding="utf-8")
    print(f"Controls: {time.monotonic() - start:.0f} s", flush=True)
    for name in RUN:
        folder = work / Path(name).stem
        if quick:
            continue
        run_examples(HERE / "site" / name, folder)
        collect(folder, made)
    print(f"Examples: {time.monotonic() - start:.0f} s", flush=True)
    from sphinx.cmd.build import build_main

    quiet = ["-q", "-D", "suppress_warnings=image.not_readable"] if quick else ["-q"]
    code = int(build_main([*quiet, "-W", "--keep-going", "-j", "auto", "-c", str(HERE / "site"), str(source), str(output)]))
    (output / "index.html").write_text(_HOME, encoding="utf-8")
    print(f"{output}: {time.monotonic() - start:.0f} s", flush=True)
    return code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--quick", action="store_true", help="without pictures and examples")
    given = parser.parse_args()
    sys.exit(build(given.output.resolve(), given.quick))
