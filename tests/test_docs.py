"""What README, docs, model cards and help texts say exists: commands are parsed by the real command line, the cheap ones run
on the example photo; links, pictures, modules and functions that are named are there."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from mimica.cli import app
from mimica.pictures.images import read_photo
from mimica.video.writer import VideoWriter

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "comfyui" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "mimica" / "weights").glob("*.md")),
]
CLI = typer.main.get_command(app)
EXAMPLE = ROOT / "examples" / "astronaut.jpg"


@dataclass(frozen=True)
class Command:
    """A line of a document. `whole`: it stands by itself, ready to be typed; otherwise it is mentioned within a sentence."""

    page: str
    line: str
    whole: bool

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)[1:]

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def code_lines(text: str) -> list[str]:
    """The lines of fenced and of indented blocks; lines that go on are put together, shell variables filled in."""
    found, fenced, variables = [], False, {}
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or re.match(r"\s{4}\S", line):
            line = re.sub(r"\$(\w+)", lambda match: variables.get(match[1], match[0]), line.strip())
            if match := re.fullmatch(r'(\w+)="(.*)"', line):
                variables[match[1]] = match[2]
            found.append(line)
    return found


def commands_of(page: str, text: str) -> Iterator[Command]:
    for line in code_lines(text):
        if line.startswith("mimica "):
            yield Command(page, line, True)
    for mention in re.findall(r"`(mimica [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        yield Command(page, re.sub(r"\s+", " ", mention), False)


def helps(group: Any, path: str = "mimica") -> Iterator[tuple[str, str]]:
    """(command, its help)"""
    for name, command in getattr(group, "commands", {}).items():
        yield f"{path} {name}", command.help or ""
        yield from helps(command, f"{path} {name}")


def all_commands() -> list[Command]:
    found = [one for page in PAGES for one in commands_of(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8"))]
    for command, text in helps(CLI):
        found += [Command(f"{command} --help", line, True) for line in text.splitlines() if line.startswith("mimica ")]
    makefile = re.findall(r"\$\(BIN\)/(mimica .+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    return [*found, *(Command("Makefile", line, True) for line in makefile)]


COMMANDS = list(dict.fromkeys(all_commands()))


def leaf(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words begin with, and the words after it."""
    command, rest = CLI, list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no command '{rest[0]}'"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def parse(command: Command) -> dict[str, Any]:
    """The parameters as the command line reads them; what is mentioned in a sentence may leave out what is required."""
    found, rest = leaf(command.words)
    if hasattr(found, "commands"):
        assert not command.whole or not rest or rest == ["--help"], "a group of commands alone does nothing"
        return {}
    context = found.make_context(command.words[0], list(rest), resilient_parsing=not command.whole)
    known = {word for option in found.params for word in (*option.opts, *option.secondary_opts)}
    unknown = {word for word in rest if re.match(r"--?[a-z]", word)} - known
    assert not unknown, f"there is no option {unknown}"
    return dict(context.params)


def test_the_documents_are_found() -> None:
    assert len(PAGES) > 8 and len([one for one in COMMANDS if one.whole]) > 80 and len(COMMANDS) > 120


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_the_command_line_understands_it(command: Command) -> None:
    parse(command)


@pytest.mark.parametrize(
    "line, whole, complaint",
    [
        ("mimica edti x", False, "no command 'edti'"),
        ("mimica edit --expresion happy", False, "no option {'--expresion'}"),
        ("mimica edit p.jpg --attention", True, "--attention"),
        ("mimica edit p.jpg --intensity much", True, "number"),
        ("mimica convert net.pkl", True, "output"),
    ],
)
def test_what_is_not_understood_is_seen(line: str, whole: bool, complaint: str) -> None:
    with pytest.raises(BaseException) as caught:  # typer's own kinds of errors have no public name
        parse(Command("here", line, whole))
    assert complaint in f"{caught.value} {getattr(caught.value, 'message', '')} {getattr(caught.value, 'param', '')}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_in_sentences_exist(page: Path) -> None:
    known = {word for _, command in leaves(CLI) for option in command.params for word in (*option.opts, *option.secondary_opts)}
    for mention in re.findall(r"`(-[^`]+)`", page.read_text(encoding="utf-8")):
        words = [word for word in shlex.split(mention) if re.match(r"--?[a-z]", word)]
        assert set(words) <= known, mention


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.whole and one.words[:1] == ["train"]], ids=str)
def test_trainings_have_the_presets_and_options_of_the_documents(command: Command) -> None:
    pytest.importorskip("torch")
    from mimica.cli.train import find_task
    from mimica.config import choose

    given = parse(command)
    kind, preset = find_task(given["name"], given["preset"])
    choose(kind.options_type, kind.presets, preset, given["settings"] or [])


# --- what can be run ------------------------------------------------------------------------------------------------

CHEAP = ("edit", "animate", "grid", "read", "attributes list", "attributes strip", "attributes reconstruct", "attributes samples",
         "transition", "generate", "directions list")  # fmt: skip
"""Commands that take seconds and read nothing but a photo and the shipped weights."""


def write_film(path: Path) -> None:
    """Two frames of the example photo."""
    rgb = read_photo(EXAMPLE).rgb[:256, 90:346]
    with VideoWriter(path, 25, (256, 256)) as video:
        video.write(rgb)
        video.write(rgb)


def is_cheap(command: Command) -> bool:
    if not (command.whole and command.line.startswith(tuple(f"mimica {name} " for name in CHEAP))):
        return False
    if command.page.startswith("docs/site/"):  # the site's build runs those
        return False
    words = set(command.words)
    needs_files = words & {"--weights", "--script", "--directions", "--predict"}
    return not needs_files and not any(word.endswith((".csv", ".txt", "/")) for word in words)


@pytest.mark.parametrize("line", sorted({one.line.partition(" #")[0].strip() for one in COMMANDS if is_cheap(one)}))
def test_cheap_commands_work_on_the_example_photo(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line)[1:]
    if words[0] in ("transition", "generate", "directions") or "stylegan" in words:
        pytest.importorskip("torch")
    for name in ("photo.jpg", "other.jpg", "examples/astronaut.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(EXAMPLE, tmp_path / name)
    if "film.mp4" in words:
        write_film(tmp_path / "film.mp4")
    (tmp_path / "demo").mkdir()
    before = set(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    less = {"animate": ["--fps", "3"], "transition": ["--fps", "3"], "grid": ["--cell", "64"]}
    result = CliRunner().invoke(app, [*words, *less.get(words[0], [])])
    assert result.exit_code == 0, (result.output, result.exception)
    made = set(tmp_path.rglob("*")) - before
    assert made or words[0] == "read" or words[1] == "list"
    for path in made:
        assert path.is_dir() or path.stat().st_size > 1000


def test_python_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(EXAMPLE, tmp_path / "photo.jpg")
    write_film(tmp_path / "film.mp4")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "happy.jpg").is_file() and (tmp_path / "surprised.mp4").is_file()


# --- links, modules -------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """What GitHub calls a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in [*re.findall(r"\]\(([^)\s]+)", text), *re.findall(r'<img[^>]*src="([^"]+)"', text)]:
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(path), f"{page.name} links to {link}"
        if path.suffix in (".jpg", ".png", ".gif", ".webp"):
            Image.open(path).verify()


@cache
def names_in(path: Path) -> set[str]:
    """What a module defines at its top, and the members of its classes as `Class.member`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        found |= set(defined(node))
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for inner in node.body for name in defined(inner)}
    return found


def defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.ImportFrom | ast.Import):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def is_there(name: str) -> bool:
    """`mimica.module`, `mimica.module.name`, `mimica.module.Class.member`; what `mimica` itself hands on is in `mimica.api`
    and `mimica.film.edit`."""
    parts = name.split(".")[1:]
    for length in range(len(parts), -1, -1):
        base = ROOT.joinpath("mimica", *parts[:length])
        inner = ".".join(parts[length:])
        if base.is_dir() and (not inner or inner in names_in(base / "__init__.py")):
            return True
        if base.with_suffix(".py").is_file() and length:
            return not inner or inner in names_in(base.with_suffix(".py"))
    return any(parts[0] in names_in(ROOT / "mimica" / module) for module in ("api.py", "film/edit.py"))


SOURCES = [path for folder in ("mimica", "docs", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_are_named_exist(path: Path) -> None:
    if path == Path(__file__):
        return
    missing = [name for name in re.findall(r"`(mimica(?:\.\w+)+)", path.read_text(encoding="utf-8")) if not is_there(name)]
    assert not missing


def test_a_module_that_is_gone_is_seen() -> None:
    there = ("mimica.api.edit", "mimica.edit", "mimica.engines.base", "mimica.prepare", "mimica.engines.base.Engine.encode")
    gone = ("mimica.api.edti", "mimica.engines.bass", "mimica.latent", "mimica.engines.base.Engine.enc")
    assert all(map(is_there, there)) and not any(map(is_there, gone))


FILES = {path.relative_to(ROOT).as_posix() for path in SOURCES}


def is_a_file(name: str) -> bool:
    """A path from the root or the end of one."""
    return any(f"/{file}".endswith(f"/{name}") for file in FILES)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_source_files_that_are_named_exist(page: Path) -> None:
    """CONTRIBUTING.md tells of files that its reader is to write."""
    named = re.findall(r"`([\w./-]+\.py)`", page.read_text(encoding="utf-8"))
    assert not [name for name in named if not is_a_file(name)]


def test_a_source_file_that_is_gone_is_seen() -> None:
    assert is_a_file("mimica/api.py") and is_a_file("fast/data.py") and is_a_file("api.py")
    assert not is_a_file("fast_data.py") and not is_a_file("pi.py") and not is_a_file("mimica/fast/data.py")


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.py")), ids=lambda path: path.name)
def test_scripts_of_the_docs_import_what_exists(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mimica":
            for alias in node.names:
                assert is_there(f"{node.module}.{alias.name}"), f"{node.module}.{alias.name}"
