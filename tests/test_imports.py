"""The architecture, held by reading the imports: down only, engines do not know each other, the main job needs no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mimica"

# The level of each module, or of a folder's modules; the longest prefix that fits counts.
LEVELS = {
    "mimica": 9,  # the top module only forwards names
    "mimica.facs": 0,
    "mimica.errors": 0,
    "mimica.filters": 0,
    "mimica.memory": 0,
    "mimica.images": 1,
    "mimica.gif": 1,
    "mimica.inert_pickle": 1,
    "mimica.torch_files": 1,
    "mimica.journal": 1,
    "mimica.sessions": 1,
    "mimica.workers": 1,
    "mimica.openface_csv": 2,
    "mimica.video": 1,
    "mimica.config": 1,
    "mimica.checkpoint": 1,
    "mimica.face": 2,
    "mimica.reader": 2,
    "mimica.motion": 2,
    "mimica.dataset": 2,
    "mimica.metrics": 2,
    "mimica.training": 2,
    "mimica.task": 2,
    "mimica.batches": 2,
    "mimica.run_folder": 2,
    "mimica.engines": 3,
    "mimica.motion.predictor": 3,
    "mimica.motion.predictor_data": 3,
    "mimica.motion.predictor_train": 3,
    "mimica.motion.predictor_evaluate": 3,
    "mimica.motion.driving": 4,
    "mimica.motion.sequences": 4,
    "mimica.cli": 5,
}
TOP = 4
"""Level of the modules that are not named: what joins engines, readers and files."""


def modules() -> dict[str, Path]:
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["mimica", *path.relative_to(PACKAGE).with_suffix("").parts]
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = modules()


def level(name: str) -> int:
    if name in LEVELS or name == "mimica":
        return LEVELS[name]
    prefixes = [p for p in LEVELS if p != "mimica" and name.startswith(p + ".")]
    return LEVELS[max(prefixes, key=len)] if prefixes else TOP


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
                found.add(whole if whole in MODULES else node.module)
    return found - {"mimica"}


@pytest.mark.parametrize("name", [n for n in MODULES if n not in ("mimica", "mimica.__main__")])
def test_imports_go_down_only(name):
    upward = [other for other in imported(MODULES[name]) if level(other) > level(name)]
    assert not upward, f"{name} (level {level(name)}) imports {upward}"


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
