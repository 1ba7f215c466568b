"""What became of a film's frames, counted, and the sentences that say so."""

from __future__ import annotations

from dataclasses import dataclass, field

from mimica.film.watch import Frame


@dataclass
class Report:
    """frames   in all        edited   those with the full edit of every face meant        faded   those with less of it
    untouched   those with none        spans   why a face was not edited -> [first frame's time, last one's], seconds, each
    counts      why -> frames                refusals   sentences about attributes that could not be put on, which are left out
    """

    frames: int = 0
    edited: int = 0
    faded: int = 0
    untouched: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    spans: dict[str, list[list[float]]] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    _last: dict[str, int] = field(default_factory=dict)

    def add(self, frame: Frame) -> None:
        """Counts the next frame."""
        self.frames += 1
        shares = [part.share for part in frame.parts]
        if not shares:
            self.untouched += 1
        elif min(shares) < 1 or frame.troubles:
            self.faded += 1
        else:
            self.edited += 1
        for why in dict.fromkeys(frame.troubles):
            self.counts[why] = self.counts.get(why, 0) + 1
            spans = self.spans.setdefault(why, [])
            if self._last.get(why) == frame.index - 1:
                spans[-1][1] = frame.time
            else:
                spans.append([frame.time, frame.time])
            self._last[why] = frame.index

    def told(self, name: str) -> str:
        """The closing sentence: frames edited, and by reason those that were not, and where."""
        if self.edited == self.frames:
            return f"{name}: all {self.frames} frames edited."
        reasons = [f"{count} {why} ({_places(self.spans[why])})" for why, count in self.counts.items()]
        because = f"; faces not edited, by frames: {', '.join(reasons)}" if reasons else ""
        return (
            f"{name}: {self.frames} frames, {self.edited} edited in full, {self.faded} faded in or out, {self.untouched} left as "
            f"they are{because}."
        )


def _places(spans: list[list[float]]) -> str:
    listed = [f"{a:.1f} to {b:.1f} s" if b - a >= 0.05 else f"{a:.1f} s" for a, b in spans]
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more places" if len(listed) > 4 else "")
