"""Scripts, first stage: text -> tokens with their places, and the error that every stage raises.

The grammar is in docs/script.md; `mimica.motion.script.script` is where to start reading.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from mimica.errors import DataError, nearest

Kind = Literal["word", "number", "clock", "sign", "end"]
"""`clock` is minutes and seconds, 1:02.5; `end` a line break, a semicolon or the end of the text."""

_TOKEN = re.compile(
    r"(?P<skip>[ \t\r\f\v\ufeff]+|\#[^\n]*)"
    r"|(?P<clock>[0-9]+:[0-9]{2}(?:\.[0-9]+)?(?![0-9]))"
    r"|(?P<number>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?)"
    r"|(?P<word>[a-z_][a-z0-9_]*(?:-[a-z_][a-z0-9_]*)*)"
    r"|(?P<end>[\n;])"
    r"|(?P<sign>[%{}:,+&=])",
    re.IGNORECASE | re.ASCII,
)


class ScriptError(DataError):
    """A script that cannot be read. `line` and `column` count from 1; the message names both."""

    def __init__(self, what: str, line: int, column: int, source: str) -> None:
        super().__init__(f"{source}, line {line}, column {column}: {what}")
        self.line, self.column = line, column


@dataclass(frozen=True)
class Token:
    """One word, number or sign of the text; the end of the text is an `end` with no text."""

    kind: Kind
    text: str
    line: int
    column: int

    @property
    def word(self) -> str:
        """As it is looked up: lower case, `_` for `-`."""
        return self.text.lower().replace("-", "_")

    @property
    def shown(self) -> str:
        """As it is named in an error."""
        if self.kind == "end":
            return "the end of the line" if self.text else "the end of the script"
        return f"'{self.text if len(self.text) <= 40 else self.text[:37] + '...'}'"


def tokenize(text: str, source: str, first_line: int = 1) -> list[Token]:
    """The tokens of `text`, the last an `end`. Raises `ScriptError` for a character that no script has."""
    tokens = []
    place, line, line_start = 0, first_line, 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        column = place - line_start + 1
        if match is None:
            raise ScriptError(f"the character {text[place]!r} has no meaning in a script.", line, column, source)
        kind = match.lastgroup
        if kind != "skip":
            tokens.append(Token(kind, match[0], line, column))  # type: ignore[arg-type]
        place = match.end()
        if match[0] == "\n":
            line, line_start = line + 1, place
    return [*tokens, Token("end", "", line, place - line_start + 1)]


@dataclass
class Tokens:
    """A place in a list of tokens, and errors at it."""

    tokens: list[Token]
    source: str
    index: int = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.index]

    @property
    def at_end_of_text(self) -> bool:
        return self.index == len(self.tokens) - 1

    def take(self) -> Token:
        """The next token; the last one stays for ever."""
        token = self.next
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def take_if(self, *words: str) -> Token | None:
        """The next token if it is one of these words or signs."""
        return self.take() if self.next.kind != "end" and self.next.word in words else None

    def error(self, token: Token, what: str) -> ScriptError:
        """An error at `token`; `what` ends the sentence."""
        return ScriptError(what, token.line, token.column, self.source)

    def expected(self, token: Token, wanted: str, known: Collection[str] = ()) -> ScriptError:
        """`token` is not what is expected here; the nearest of the `known` words is offered."""
        fault = "comes too early" if token.kind == "end" else "is not understood"
        near = nearest(token.word[:40], known) if token.word not in known else ""
        return self.error(token, f"{token.shown} {fault}; expected {wanted}{near or '.'}")
