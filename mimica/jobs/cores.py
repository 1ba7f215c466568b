"""Processor cores. (Beside `workers`, so that who counts them only does not load `multiprocessing`.)"""

from __future__ import annotations

import os


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
