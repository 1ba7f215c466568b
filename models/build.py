"""Both wheels, and their sources, for the package index: `make wheels` (`python models/build.py OUT`). Needs the package build.

The weights of the engine stylegan lie in mimica/weights, where a clone has them all; here they are left out of the first package,
which would be too large with them, and put into the second, mimica-models.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RARE = "stylegan*"
"""Files of mimica/weights that go into the second package."""


def staged(folder: Path) -> tuple[Path, Path]:
    """Copies of both projects, as they are to be built."""
    first, second = folder / "mimica", folder / "mimica-models"
    for project in (first, second):
        project.mkdir()
        shutil.copy(ROOT / "LICENSE", project)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, first)
        shutil.copy(ROOT / "models" / name, second)
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "mimica", first / "mimica", ignore=left_out)
    shutil.copytree(ROOT / "models" / "mimica_models", second / "mimica_models", ignore=left_out)
    for file in (first / "mimica" / "weights").glob(RARE):
        shutil.move(file, second / "mimica_models" / file.name)
    return first, second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="the folder for the files")
    output = parser.parse_args().output.resolve()
    with tempfile.TemporaryDirectory() as folder:
        for project in staged(Path(folder)):
            subprocess.run([sys.executable, "-m", "build", "--outdir", str(output), str(project)], check=True)


if __name__ == "__main__":
    main()
