"""Where the weights lie that come with Mimica: in mimica/weights, or in the package mimica-models, which has those of the engine
stylegan, as the first would be too large with them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

OURS = Path(__file__).parents[1] / "weights"
SECOND = "mimica_models"


def folder_with(name: str) -> Path:
    """The folder that has the file `name`; mimica/weights where neither has it."""
    if not (OURS / name).is_file() and (found := importlib.util.find_spec(SECOND)) and found.origin:
        second = Path(found.origin).parent
        return second if (second / name).is_file() else OURS
    return OURS
