"""Subtitle files as motion: cues of SubRip (.srt) whose text says what the face does while the cue is shown.

    1
    00:00:01,000 --> 00:00:02,500
    happy 80% and AU01 0.3 ease_out

A cue's text is what stands before the clauses of a script's statement (see docs/script.md), with an easing or `over` if
wanted. The face is on its way when the cue begins, and stays so until the cue ends; then the next cue takes over, or, after
a gap, the photo's own expression. `blink` is a cue too.

Format: SubRip as players read it, with the times `hours:minutes:seconds,milliseconds` (a dot will do).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mimica.motion.script.lexer import ScriptError, Tokens, tokenize
from mimica.motion.script.parser import MAX_SECONDS, Blink, Move, Parser, Repeat
from mimica.motion.script.script import BLINK_PHASES as _BLINK_PHASES
from mimica.motion.script.script import DEFAULT_MOVE, Script, Step, read_text
from mimica.motion.script.words import Targets

_TIME = r"(\d{1,2}):([0-5]\d):([0-5]\d)[,.](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}\s*", re.ASCII)


@dataclass(frozen=True)
class _Cue:
    start: float
    end: float
    statement: Move | Blink
    line: int


def read_subtitles(path: str | Path) -> Script:
    """The script in a SubRip file. Raises `ScriptError`, and `DataError` for a file that is no text."""
    return parse_subtitles(read_text(path), f"'{path}'")


def parse_subtitles(text: str, source: str = "the subtitles") -> Script:
    """Cues -> a script that ends with the last cue. Raises `ScriptError`."""
    cues = list(_cues(text.replace("\r\n", "\n"), source))
    if not cues:
        raise ScriptError("there is no cue; expected a number, a line of times and a text.", 1, 1, source)
    for before, after in itertools.pairwise(cues):
        if after.start < before.end:
            raise ScriptError(
                f"the cue begins at {after.start:g} s; the one before it ends at {before.end:g} s.", after.line, 1, source
            )
    steps: list[Step] = []
    blinks: list[tuple[float, tuple[str, ...]]] = []
    for cue, after in itertools.zip_longest(cues, cues[1:]):
        if isinstance(cue.statement, Blink):
            sides = (cue.statement.side,) if cue.statement.side else ("L", "R")
            blinks.append((cue.start, tuple(f"AU45{side}" for side in sides)))
            continue
        move = cue.statement
        length = min(move.when.times.get("over", DEFAULT_MOVE), cue.end - cue.start)
        steps.append(Step(cue.start, cue.start + length, move.targets or Targets({}), move.when.easing or "ease"))
        if after is not None and after.start > cue.end:
            steps.append(Step(cue.end, min(after.start, cue.end + DEFAULT_MOVE), Targets({}, photo=True), "ease"))
    lids_open = max((time + sum(_BLINK_PHASES) for time, _ in blinks), default=0.0)
    return Script(tuple(steps), tuple(blinks), max(cues[-1].end, lids_open))


def _cues(text: str, source: str) -> Iterator[_Cue]:
    """The cues in order; a cue is a block of lines without a blank one."""
    lines = text.removeprefix("\ufeff").split("\n")
    number = 0
    while number < len(lines):
        if not lines[number].strip():
            number += 1
            continue
        if lines[number].strip().isdecimal():
            number += 1
        times = _TIMES.fullmatch(lines[number]) if number < len(lines) else None
        if times is None:
            place = min(number, len(lines) - 1)
            raise ScriptError("expected the times of a cue, such as '00:00:01,000 --> 00:00:02,500'.", place + 1, 1, source)
        start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
        if not start < end <= MAX_SECONDS:
            raise ScriptError(
                f"the cue goes from {start:g} to {end:g} s; it must end after it begins, by {MAX_SECONDS:g} s.",
                number + 1,
                1,
                source,
            )
        first = number + 1
        number = first
        while number < len(lines) and lines[number].strip():
            number += 1
        yield _Cue(start, end, _statement("\n".join(lines[first:number]), first + 1, source), first)


def _seconds(parts: tuple[str, ...]) -> float:
    hours, minutes, seconds, thousandths = parts
    return 3600.0 * int(hours) + 60.0 * int(minutes) + float(f"{seconds}.{thousandths}")


def _statement(text: str, line: int, source: str) -> Move | Blink:
    """The text of a cue; `line` is its first line's number in the file."""
    tokens = Tokens(tokenize(text, source, line), source)
    statements = Parser(tokens).statements()
    if len(statements) != 1:
        raise ScriptError(f"the cue has {len(statements)} statements; expected one.", line, 1, source)
    (statement,) = statements
    token = statement.token
    if isinstance(statement, Repeat) or (isinstance(statement, Move) and statement.targets is None):
        raise tokens.error(token, f"'{token.text}' has no place in a cue; expected an expression, an Action Unit or 'blink'.")
    for name, blamed in statement.when.tokens.items():
        if name != "over":
            raise tokens.error(blamed, f"a cue has its own times; expected no '{name}' here.")
    return statement
