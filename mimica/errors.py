"""What can go wrong because of what a user brought: each error is one sentence that says what, where and what to do.

The command line prints the sentence and leaves with exit code 2; in Python they are ordinary exceptions.
Faults of Mimica itself stay ordinary exceptions with a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The message is a full sentence for the person who gave it."""


class ImageError(UserError):
    """A picture that cannot be read or written, or is not allowed (too many pixels, say)."""


class VideoError(UserError):
    """A video that cannot be read or written."""


class NoFaceError(UserError):
    """No usable face where one is needed."""


class ValueRangeError(UserError):
    """A value outside its legal range, or a name that does not exist."""


class WeightsError(UserError):
    """A model file that is missing, damaged, unsafe, or made for something else."""


class DataError(UserError):
    """A data set, table or script whose contents are not as documented."""


class MissingExtraError(UserError):
    """An optional package is needed and not installed; the message names the extra."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error sentence for a wrong name: `; did you mean 'happiness'?`, or nothing if none is near."""
    names = {k.lower(): k for k in known}
    match = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"; did you mean '{names[match[0]]}'?" if match else ""
