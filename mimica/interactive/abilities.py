"""What this version of Mimica can do that not every version could: asked in one place."""

from __future__ import annotations

import inspect

from mimica import api

ALIVE: bool = "alive" in inspect.signature(api.animate).parameters
"""Idle motion: `mimica.animate(..., alive=True)`."""
