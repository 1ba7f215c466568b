"""The architecture, held by reading the imports: down only, engines do not know each other, the main job needs no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mimica"

# The level of each folder and of each file at the top. A module imports from its own level and from those below.
LEVELS = {
    "facs": 0,
    "errors": 0,
    "files": 1,
    "config": 1,
    "pictures": 1,
    "model_files": 1,
    "marks": 1,
    "video": 1,
    "foreign": 1,
    "jobs": 1,
    "face": 2,
    "data": 2,
    "training": 2,
    "metrics": 2,
    "reader": 2,
    "motion": 2,
    "engines": 3,
    "api": 4,
    "animation": 4,
    "drive": 4,
    "sheets": 4,
    "annotate": 4,
    "film": 4,
    "prepare": 4,
    "evaluate": 4,
    "synthesize": 4,
    "interactive": 4,
    "cli": 5,
    "web": 5,
}
ENTRANCES = {"mimica", "mimica.__main__"}
"""They only forward names."""


def modules() -> dict[str, Path]:
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["mimica", *path.relative_to(PACKAGE).with_suffix("").parts]
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = modules()


def room(name: str) -> str:
    """The folder or file at the top that a module is, or lies in."""
    return name.split(".")[1]


def imported(path: Path) -> set[str]:
    """The modules of Mimica that a file imports, at its head or inside functions, type checking aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "mimica"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mimica":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else str(node.module))
    return found - {"mimica"}


def test_every_room_has_a_level_and_every_level_a_room():
    rooms = {room(name) for name in MODULES if name not in ENTRANCES}
    assert rooms - LEVELS.keys() == set(), "give the new module or folder its row in LEVELS"
    assert LEVELS.keys() - rooms == set(), "a row without a module"
    assert len(rooms) + 1 <= 30, "the top level has too many rooms"  # and `weights`


@pytest.mark.parametrize("name", [n for n in MODULES if n not in ENTRANCES])
def test_imports_go_down_only(name):
    level = LEVELS[room(name)]
    upward = [other for other in imported(MODULES[name]) if LEVELS[room(other)] > level]
    assert not upward, f"{name} (level {level}) imports {upward}"


def circles(arrows: dict[str, set[str]]) -> list[set[str]]:
    """The groups of modules that import each other, directly or around a corner (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in arrows.get(name, ()):
            if other not in number:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == number[name]:
            group = set(stack[stack.index(name) :])
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(group)

    for name in arrows:
        if name not in number:
            visit(name)
    return found


def test_no_modules_import_each_other_in_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert circles({name: imported(path) for name, path in MODULES.items() if name not in ENTRANCES}) == []


@pytest.mark.parametrize("name", [n for n in MODULES if n.startswith("mimica.engines.")])
def test_engines_do_not_import_each_other(name):
    own = name.split(".")[2]
    others = [o for o in imported(MODULES[name]) if o.startswith("mimica.engines.") and o.split(".")[2] not in (own, "base")]
    assert not others


@pytest.mark.parametrize("name", [n for n in MODULES if n.rsplit(".", 1)[-1] in ("edit", "networks", "read")])
def test_what_runs_does_not_import_what_trains(name):
    assert not [other for other in imported(MODULES[name]) if "train" in other.rsplit(".", 1)[-1]]


def test_the_main_job_imports_no_torch_and_the_package_nothing_heavy():
    code = """
import sys
import mimica
heavy = {"numpy", "cv2", "onnxruntime", "torch", "dlib", "av"} & set(sys.modules)
assert not heavy, f"import mimica loads {heavy}"
import mimica.api, mimica.annotate, mimica.cli, mimica.engines.ganimation.edit, mimica.reader.read
extra = {"torch", "lightning", "pandas", "scipy", "sklearn", "matplotlib"} & set(sys.modules)
assert not extra, f"the main job loads {extra}"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
