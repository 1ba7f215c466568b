"""The house rules that can be counted: short files and functions, every module says what it is, no bare except, commands without
tensors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("mimica", "docs", "tests", "comfyui") for path in sorted((ROOT / folder).rglob("*.py"))]
MAX_FILE, MAX_FUNCTION = 350, 50
"""Lines, with signature and docstring."""
HEAVY = {"numpy", "torch", "cv2", "PIL", "onnxruntime", "scipy", "sklearn"}


def long_functions(tree: ast.AST, most: int = MAX_FUNCTION) -> list[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [f"{one.name}, {lines}" for one in functions if (lines := (one.end_lineno or 0) - one.lineno + 1) > most]


def bare_excepts(tree: ast.AST) -> list[int]:
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None]


def heavy_imports(tree: ast.Module) -> Iterator[str]:
    """What is imported of `HEAVY`, at the head or in a function, type checking aside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (name for name in names if name.split(".")[0] in HEAVY)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_the_house_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= MAX_FILE
    assert not long_functions(tree)
    assert not bare_excepts(tree)
    assert not tree.body or ast.get_docstring(tree), "say in a docstring what the module is"
    if path.is_relative_to(ROOT / "mimica" / "cli"):
        assert not list(heavy_imports(tree)), "commands handle no tensors: what does belongs into the library"


def jobs() -> dict[str, str]:
    """Command -> the file in which its work is: `mimica VERB NOUN` lives in VERB/NOUN.py."""
    from mimica.cli.evaluate import app
    from mimica.cli.prepare import _PREPARED

    nouns = {"evaluate": [str(one.name) for one in app.registered_commands], "prepare": list(_PREPARED)}
    files = {f"mimica {verb} {noun}": f"{verb}/{noun}.py" for verb, several in nouns.items() for noun in several}
    return {
        **files,
        "mimica annotate": "annotate/__init__.py",
        "mimica synthesize": "synthesize/__init__.py",
        "mimica bench": "evaluate/bench.py",
        "mimica drive": "drive.py",
    }


@pytest.mark.parametrize("command, file", jobs().items())
def test_a_job_lives_where_its_command_says(command: str, file: str) -> None:
    """Names such as `evaluate` and `Report` mean something else in each: the first line says what."""
    docstring = ast.get_docstring(ast.parse((ROOT / "mimica" / file).read_text(encoding="utf-8"))) or ""
    assert f"`{command}" in docstring.partition("\n")[0]


def test_what_breaks_them_is_seen() -> None:
    tree = ast.parse("def f():\n    try:\n        import numpy.linalg\n    except:\n        pass\n")
    assert long_functions(tree, 4) == ["f, 5"] and not long_functions(tree, 5)
    assert bare_excepts(tree) == [4] and list(heavy_imports(tree)) == ["numpy.linalg"]
    assert not list(heavy_imports(ast.parse("if TYPE_CHECKING:\n    import torch\n")))
