"""The visible mark on what a camera shows: the words of `mimica.marks.visible`, and what the law asks for where they are off."""

from __future__ import annotations

from mimica.marks.visible import labelled as marked

__all__ = ["LAW", "marked"]

LAW = (
    "without the mark you must tell those who watch, in another clear way and from the first frame on, that the picture is made "
    "by a machine (in the European Union: Regulation 2024/1689, article 50)."
)
