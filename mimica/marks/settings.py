"""What a person has said once and for all about marks, in `marks.ini` of Mimica's settings folder:

    [marks]
    key = ~/keys/signing.pem        ; for C2PA manifests; with `chain`
    chain = ~/keys/chain.pem
    visible = yes                   ; the words "AI MODIFIED" in every picture
    labelled_elsewhere = yes        ; --no-tag needs no further word

The folder is $MIMICA_CONFIG if set, else `mimica` in $XDG_CONFIG_HOME, in %APPDATA% or in ~/.config. `key.pem` and `chain.pem`
lying there, as `mimica mark --make-key` puts them, are used without an entry.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass
from pathlib import Path

from mimica.errors import UserError, nearest

FILE, KEY, CHAIN = "marks.ini", "key.pem", "chain.pem"
_ENTRIES = ("key", "chain", "visible", "labelled_elsewhere")


@dataclass(frozen=True)
class MarkSettings:
    """The entries of `marks.ini`, as above; `key` and `chain` are both given or both None."""

    key: Path | None = None
    chain: Path | None = None
    visible: bool = False
    labelled_elsewhere: bool = False


def settings_folder() -> Path:
    """Where settings are kept; it need not exist."""
    if own := os.environ.get("MIMICA_CONFIG"):
        return Path(own)
    base = os.environ.get("XDG_CONFIG_HOME") or os.environ.get("APPDATA")
    return (Path(base) if base else Path.home() / ".config") / "mimica"


def read_settings() -> MarkSettings:
    """The settings; the defaults where there is no file. Raises `UserError` for a file with mistakes in it."""
    folder = settings_folder()
    path = folder / FILE
    section = _section(path)
    for name in section:
        if name not in _ENTRIES:
            raise UserError(f"'{name}' in {path} is no entry{nearest(name, _ENTRIES) or ';'} they are {', '.join(_ENTRIES)}.")
    key, chain = (_file(section, name) for name in ("key", "chain"))
    if (key is None) != (chain is None):
        raise UserError(f"{path} names {'a key' if key else 'a chain'} alone; 'key' and 'chain' go together.")
    if key is None and (folder / KEY).is_file() and (folder / CHAIN).is_file():
        key, chain = folder / KEY, folder / CHAIN
    return MarkSettings(key, chain, *(_yes(section, name, path) for name in ("visible", "labelled_elsewhere")))


def _section(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";", "#"))
    try:
        if path.is_file():
            parser.read_string(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"The settings {path} cannot be read ({reason}): mend or delete the file.") from error
    return dict(parser["marks"]) if "marks" in parser else {}


def _file(section: dict[str, str], name: str) -> Path | None:
    return Path(section[name]).expanduser() if section.get(name) else None


def _yes(section: dict[str, str], name: str, path: Path) -> bool:
    states = configparser.ConfigParser.BOOLEAN_STATES
    text = section.get(name, "no").lower()
    if text not in states:
        raise UserError(f"'{name} = {section[name]}' in {path} must be yes or no.")
    return states[text]
