"""What can go wrong because of what a user brought: each error is one sentence that says what, where and what to do.

The command line prints the sentence and leaves with exit code 2; in Python they are ordinary exceptions.
Faults of Mimica itself stay ordinary exceptions with a traceback.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

MOST = 80
"""Characters of what somebody gave that a sentence repeats."""
_LONGEST = 700
"""Characters of a sentence; the longest of ours lists 34 controls."""
_GIVEN = re.compile(rf"(?<!\w)'([^']*)'|\S{{{MOST + 1},}}")


def shown(text: object, most: int = MOST) -> str:
    """Text of others as it may stand in a sentence: one line, without control characters, the middle left out beyond `most`
    characters."""
    line = "".join(c if c.isprintable() else " " if c.isspace() else _escape(c) for c in str(text))
    if len(line) <= most:
        return line
    return f"{line[: most // 2 - 1]}…{line[-(most - most // 2) :]}"


def _escape(character: str) -> str:
    """What cannot be printed; half a surrogate pair is a byte of a file's name that is no UTF-8."""
    kind = unicodedata.category(character)
    return "�" if kind in ("Cc", "Cf", "Cs", "Co", "Cn") else " "


def sentence(message: str) -> str:
    """A message with everything quoted, and every word, short enough and on one line."""
    line = " ".join(shown(message, len(message)).split())
    return shown(_GIVEN.sub(lambda m: shown(m[0]) if m[1] is None else f"'{shown(m[1])}'", line), _LONGEST)


class UserError(Exception):
    """Bad input. The message is a full sentence for the person who gave it; it is made one line of printable characters that
    repeats no more than `MOST` characters of anything."""

    def __init__(self, message: str = "") -> None:
        super().__init__(sentence(message))


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
