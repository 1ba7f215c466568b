"""The Facial Action Coding System: Action Units, emotions as Action Unit recipes, and conversions by name.

Intensities are in [0, 1] everywhere in Mimica; FACS's letters A-E and OpenFace's 0-5 are met only where files are read
or written. A *control* is one number that an engine takes: `AU12` (both sides), `AU12L` (subject's left, the right side of
the picture) or `AU12R`. Vectors are ordered by name through `to_vector` and `to_dict`, never by a position known by heart.

Sources: P. Ekman, W. Friesen, J. Hager, "Facial Action Coding System" (2002), for units, names and muscles;
S. Du, Y. Tao, A. M. Martinez, "Compound facial expressions of emotion", PNAS 111 (2014), Table 1, for the prototypes of
the basic and compound emotions; T. Baltrusaitis et al., "OpenFace 2.0" (2018), for the set of 17; Apple's ARKit for the
blendshape names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mimica.errors import ValueRangeError, nearest

Region = Literal["brows", "eyes", "cheeks", "nose", "mouth", "chin", "jaw"]


@dataclass(frozen=True)
class ActionUnit:
    """One Action Unit: `number` and `name` of FACS, the `muscle` behind it, the face `region` where it shows, and the
    ARKit `blendshapes` that correspond (`*` stands for Left and Right; an empty tuple where ARKit has none)."""

    number: int
    name: str
    muscle: str
    region: Region
    blendshapes: tuple[str, ...]

    @property
    def control(self) -> str:
        """The control that sets both sides, `AU12`."""
        return control_name(self.number)


ACTION_UNITS: tuple[ActionUnit, ...] = (
    ActionUnit(1, "Inner Brow Raiser", "frontalis, pars medialis", "brows", ("browInnerUp",)),
    ActionUnit(2, "Outer Brow Raiser", "frontalis, pars lateralis", "brows", ("browOuterUp*",)),
    ActionUnit(4, "Brow Lowerer", "corrugator supercilii, depressor supercilii, procerus", "brows", ("browDown*",)),
    ActionUnit(5, "Upper Lid Raiser", "levator palpebrae superioris", "eyes", ("eyeWide*",)),
    ActionUnit(6, "Cheek Raiser", "orbicularis oculi, pars orbitalis", "cheeks", ("cheekSquint*",)),
    ActionUnit(7, "Lid Tightener", "orbicularis oculi, pars palpebralis", "eyes", ("eyeSquint*",)),
    ActionUnit(9, "Nose Wrinkler", "levator labii superioris alaeque nasi", "nose", ("noseSneer*",)),
    ActionUnit(10, "Upper Lip Raiser", "levator labii superioris", "mouth", ("mouthUpperUp*",)),
    ActionUnit(12, "Lip Corner Puller", "zygomaticus major", "mouth", ("mouthSmile*",)),
    ActionUnit(14, "Dimpler", "buccinator", "mouth", ("mouthDimple*",)),
    ActionUnit(15, "Lip Corner Depressor", "depressor anguli oris", "mouth", ("mouthFrown*",)),
    ActionUnit(17, "Chin Raiser", "mentalis", "chin", ("mouthShrugLower",)),
    ActionUnit(20, "Lip Stretcher", "risorius with platysma", "mouth", ("mouthStretch*",)),
    ActionUnit(23, "Lip Tightener", "orbicularis oris", "mouth", ("mouthPress*", "mouthRollLower", "mouthRollUpper")),
    ActionUnit(
        25, "Lips Part", "depressor labii inferioris, or relaxed mentalis or orbicularis oris", "mouth", ("mouthLowerDown*",)
    ),
    ActionUnit(26, "Jaw Drop", "masseter, relaxed temporalis and internal pterygoid", "jaw", ("jawOpen",)),
    ActionUnit(45, "Blink", "relaxed levator palpebrae superioris, orbicularis oculi", "eyes", ("eyeBlink*",)),
)
"""The 17 Action Units that OpenFace 2 measures, in FACS order."""

AU_NUMBERS: tuple[int, ...] = tuple(unit.number for unit in ACTION_UNITS)
BY_NUMBER: dict[int, ActionUnit] = {unit.number: unit for unit in ACTION_UNITS}


def control_name(number: int, side: Literal["", "L", "R"] = "") -> str:
    """`control_name(12) == "AU12"`, `control_name(1, "L") == "AU01L"`."""
    return f"AU{number:02d}{side}"


AU_NAMES: tuple[str, ...] = tuple(control_name(n) for n in AU_NUMBERS)
"""The 17 controls without sides: AU01 ... AU45."""
SIDED_AU_NAMES: tuple[str, ...] = tuple(control_name(n, "L") for n in AU_NUMBERS) + tuple(
    control_name(n, "R") for n in AU_NUMBERS
)
"""The 34 controls with sides: AU01L ... AU45L, AU01R ... AU45R."""

_CONTROL = re.compile(r"(?:AU)?0*(\d{1,2})([LR]?)", re.IGNORECASE)


def parse_control(text: str) -> str:
    """`"12"`, `"au12"`, `"AU12L"` -> the control's name. Raises `ValueRangeError` for an Action Unit that Mimica lacks."""
    match = _CONTROL.fullmatch(text.strip())
    if match is None or int(match[1]) not in BY_NUMBER:
        known = ", ".join(str(n) for n in AU_NUMBERS)
        raise ValueRangeError(f"'{text}' is no Action Unit that Mimica knows: use one of {known}, with L or R for one side.")
    side: Literal["", "L", "R"] = "L" if match[2].upper() == "L" else "R" if match[2] else ""
    return control_name(int(match[1]), side)


# --- emotions -------------------------------------------------------------------------------------------------------

EMOTIONS: tuple[str, ...] = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
"""The eight categories whose probabilities the reader gives."""

RECIPES: dict[str, dict[int, float]] = {
    "neutral": {},
    "happiness": {6: 0.8, 12: 1.0, 25: 0.75},
    "sadness": {1: 0.9, 4: 0.55, 15: 0.9, 17: 0.3},
    "surprise": {1: 0.9, 2: 0.9, 5: 0.75, 25: 0.5, 26: 0.8},
    "fear": {1: 0.95, 2: 0.6, 4: 0.6, 5: 0.8, 20: 0.8, 25: 0.6, 26: 0.4},
    "disgust": {4: 0.35, 9: 0.9, 10: 0.55, 17: 0.45},
    "anger": {4: 1.0, 5: 0.35, 7: 0.7, 17: 0.3, 23: 0.85},
    "contempt": {14: 1.0},
    "happily_surprised": {1: 0.8, 2: 0.8, 5: 0.4, 12: 0.9, 25: 0.8, 26: 0.4},
    "happily_disgusted": {4: 0.3, 6: 0.6, 9: 0.4, 10: 0.7, 12: 0.8, 25: 0.6},
    "sadly_fearful": {1: 0.9, 4: 0.6, 15: 0.3, 20: 0.7, 25: 0.5},
    "sadly_angry": {4: 0.9, 7: 0.5, 15: 0.8, 17: 0.5},
    "sadly_surprised": {1: 0.9, 2: 0.3, 4: 0.4, 25: 0.6, 26: 0.6},
    "sadly_disgusted": {1: 0.4, 4: 0.7, 9: 0.3, 10: 0.6, 15: 0.5, 17: 0.4},
    "fearfully_angry": {4: 0.9, 5: 0.6, 7: 0.4, 20: 0.7, 25: 0.6},
    "fearfully_surprised": {1: 0.9, 2: 0.8, 5: 0.9, 20: 0.6, 25: 0.7, 26: 0.5},
    "fearfully_disgusted": {1: 0.7, 4: 0.7, 5: 0.4, 10: 0.6, 20: 0.6, 25: 0.6},
    "angrily_surprised": {4: 0.9, 5: 0.5, 7: 0.3, 25: 0.8, 26: 0.6},
    "angrily_disgusted": {4: 0.9, 7: 0.6, 9: 0.5, 10: 0.7, 17: 0.4},
    "disgustedly_surprised": {1: 0.7, 2: 0.7, 5: 0.7, 10: 0.7, 17: 0.3, 25: 0.3},
    "appalled": {4: 0.8, 9: 0.6, 10: 0.7, 17: 0.4},
    "hatred": {4: 1.0, 7: 0.7, 9: 0.4, 10: 0.7, 17: 0.3},
    "awed": {1: 0.7, 2: 0.7, 5: 0.6, 25: 0.7, 26: 0.4},
}
"""Emotion -> Action Units at full intensity: the six basic emotions and contempt, the 15 compound emotions. Which units
belong to an emotion follows Du et al. 2014 (the prototypical ones and those seen in most people); AU 11 and AU 24, which
Mimica lacks, are left out (anger has AU 23, the neighbour of 24); how strong each is, is our choice by eye."""

ONE_SIDED: frozenset[str] = frozenset({"contempt"})
"""Emotions shown on one side of the face; Mimica shows them on the subject's left."""

ALIASES: dict[str, str] = {
    "happy": "happiness", "joy": "happiness", "smile": "happiness", "smiling": "happiness", "sad": "sadness",
    "surprised": "surprise", "afraid": "fear", "fearful": "fear", "scared": "fear", "disgusted": "disgust",
    "angry": "anger", "contemptuous": "contempt", "calm": "neutral", "hateful": "hatred",
}  # fmt: skip


def parse_emotion(text: str) -> str:
    """An emotion's name or an everyday word for it -> its key in `RECIPES`. Raises `ValueRangeError` with the nearest."""
    key = text.strip().lower().replace(" ", "_").replace("-", "_")
    key = ALIASES.get(key, key)
    if key not in RECIPES:
        near = nearest(key, [*RECIPES, *ALIASES]) or "."
        raise ValueRangeError(f"'{text}' is no expression that Mimica knows{near} The expressions are {', '.join(RECIPES)}.")
    return key


def emotion_controls(emotion: str, intensity: float = 1.0) -> dict[str, float]:
    """The sided controls of an emotion, absolute: all 34, those that take no part at 0. `intensity` scales them (0 is
    neutral, 1 the full recipe; up to 1.5 exaggerates, clipped to 1 per unit)."""
    if not 0.0 <= intensity <= 1.5:
        raise ValueRangeError(f"The intensity {intensity:g} of '{emotion}' is outside 0 to 1.5.")
    key = parse_emotion(emotion)
    sides: tuple[Literal["L", "R"], ...] = ("L",) if key in ONE_SIDED else ("L", "R")
    controls = dict.fromkeys(SIDED_AU_NAMES, 0.0)
    for number, value in RECIPES[key].items():
        for side in sides:
            controls[control_name(number, side)] = min(1.0, value * intensity)
    return controls


# --- conversions ----------------------------------------------------------------------------------------------------


def to_vector(values: Mapping[str, float], names: Sequence[str]) -> np.ndarray:
    """Named values -> float32 (len(names),) in the order of `names`; a missing name is an error, never a silent 0."""
    missing = [name for name in names if name not in values]
    if missing:
        raise ValueRangeError(f"The controls {', '.join(missing)} are missing.")
    return np.array([values[name] for name in names], np.float32)


def to_dict(vector: Iterable[float], names: Sequence[str]) -> dict[str, float]:
    """(len(names),) -> named values."""
    return {name: float(value) for name, value in zip(names, vector, strict=True)}


def with_sides(values: Mapping[str, float]) -> dict[str, float]:
    """Both-sides controls spread to sided ones: `{"AU12": .5}` -> `{"AU12L": .5, "AU12R": .5}`; a sided name wins."""
    sided: dict[str, float] = {}
    for name, value in values.items():
        if name[-1] not in "LR":
            sided |= {name + "L": value, name + "R": value}
    return sided | {name: value for name, value in values.items() if name[-1] in "LR"}


def without_sides(values: Mapping[str, float]) -> dict[str, float]:
    """Sided controls averaged to both-sides ones, in FACS order."""
    bases = dict.fromkeys(name.rstrip("LR") for name in values)
    return {base: float(np.mean([values[name] for name in (base, base + "L", base + "R") if name in values])) for base in bases}


def mirror(values: Mapping[str, float]) -> dict[str, float]:
    """The same expression seen in a mirror: left and right controls change places."""
    swap = {"L": "R", "R": "L"}
    return {(name[:-1] + swap[name[-1]] if name[-1] in "LR" else name): value for name, value in values.items()}


def from_openface(intensity: float) -> float:
    """OpenFace's AUxx_r (0-5) -> [0, 1]."""
    return min(1.0, max(0.0, intensity / 5.0))


def to_openface(value: float) -> float:
    """[0, 1] -> OpenFace's AUxx_r (0-5)."""
    return 5.0 * min(1.0, max(0.0, value))
