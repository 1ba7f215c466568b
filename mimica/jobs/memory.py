"""How the process takes memory from the system, where that can be told (glibc, so on most Linux systems)."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""
_LARGEST_KEPT, _KEPT_IN_ALL = 32 << 20, 256 << 20
"""Bytes: blocks up to the first come from memory that is kept, up to the second, when it is freed."""


def keep_freed_memory() -> bool:
    """Has freed blocks kept for the next ones instead of given back to the system at once. A frame takes and frees some
    50 MB in arrays; getting them anew, page by page, costs a fifth of its time. True if the system's library obeys. It concerns
    the whole process, so a library does not do it by itself: the command line does, a program that animates may."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_IN_ALL))
