"""Attributes that are drawn on a face: their names, how far each goes, and the words that say how it looks.

    glasses=1:round,gold    hair=1:blond    beard=0.8:full    age=-1

Text is read by `mimica.motion.expression.parse_attributes`, which leaves the options in the name (`glasses:round,gold`); here
they are told apart and checked. What they look like is drawn by `mimica.engines.layers`. A dose of 0 is the photo, 1 the
attribute as one means it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mimica.errors import ValueRangeError, nearest

Choice = tuple[str, ...]
"""Words of which one may be given; the first is taken where none is."""
SHAPES: Choice = ("wayfarer", "round", "rectangular", "oval", "aviator", "cat")
FRAMES: Choice = ("black", "gold", "silver", "brown", "tortoise", "red", "blue", "white")
TINTS: Choice = ("gray", "amber", "green", "violet")
HAIR: Choice = ("natural", "black", "brown", "blond", "red", "gray")
DYES: Choice = ("brown", "black", "blond", "red", "gray", "blue", "pink", "green")
OWN: Choice = ("refused", "replace")
"""Of glasses on a face that wears some."""
LIPS: Choice = ("rose", "scarlet", "coral", "berry", "nude", "brown")
SHADOWS: Choice = ("plum", "bronze", "smoky", "teal")


@dataclass(frozen=True)
class Kind:
    """One attribute.

    low, high  the doses it goes to      label  in words
    choices    what may be said of it, by what that is: `{"shape": SHAPES}`
    """

    low: float
    high: float
    label: str
    choices: Mapping[str, Choice] = field(default_factory=dict)


KINDS: Mapping[str, Kind] = {
    "weight": Kind(-1.5, 1.5, "Weight"),
    "oval": Kind(-1.0, 1.5, "Oval face"),
    "nose": Kind(-1.5, 1.5, "Nose, size of it"),
    "pointed_nose": Kind(-1.0, 1.5, "Pointed nose"),
    "lips": Kind(-1.0, 1.5, "Full lips"),
    "age": Kind(-1.5, 1.5, "Age"),
    "pale": Kind(0.0, 1.5, "Pale skin"),
    "tan": Kind(0.0, 1.5, "Tanned skin"),
    "rosy": Kind(0.0, 1.5, "Rosy cheeks"),
    "makeup": Kind(0.0, 1.5, "Eye make-up", {"colour": SHADOWS}),
    "lipstick": Kind(0.0, 1.5, "Lipstick", {"colour": LIPS}),
    "hair": Kind(0.0, 1.0, "Hair", {"colour": DYES, "head": ("looked at", "bare")}),
    "brows": Kind(0.0, 1.5, "Bushy brows", {"colour": HAIR}),
    "stubble": Kind(0.0, 1.5, "Stubble", {"colour": HAIR}),
    "moustache": Kind(0.0, 1.5, "Moustache", {"colour": HAIR}),
    "goatee": Kind(0.0, 1.5, "Goatee", {"colour": HAIR}),
    "beard": Kind(0.0, 1.5, "Beard", {"colour": HAIR, "length": ("full", "short", "long")}),
    "glasses": Kind(0.0, 1.0, "Glasses", {"shape": SHAPES, "frame": FRAMES, "own": OWN}),
    "sunglasses": Kind(0.0, 1.0, "Sunglasses", {"shape": SHAPES, "frame": FRAMES, "tint": TINTS, "own": OWN}),
}
"""By name, in the order in which they are put on."""
NAMES: tuple[str, ...] = tuple(KINDS)
FACIAL_HAIR = frozenset({"stubble", "moustache", "goatee", "beard"})
EYEWEAR = frozenset({"glasses", "sunglasses"})
SHAPED = frozenset({"weight", "oval", "nose", "pointed_nose", "lips"})
"""What moves the face's own pixels before anything is drawn."""


@dataclass(frozen=True)
class Worn:
    """One attribute as it is asked for; `options`, what they are and the words: `(("shape", "round"), ("frame", "gold"))`."""

    name: str
    dose: float
    options: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, what: str) -> str:
        """The word given for `what`, or the usual one."""
        return dict(self.options).get(what, KINDS[self.name].choices[what][0])

    @property
    def key(self) -> str:
        """`glasses:round,gold`."""
        said = ",".join(word for _, word in self.options)
        return f"{self.name}:{said}" if said else self.name


Wish = tuple[Worn, ...]
"""What a face is to wear, in the order of `NAMES`, without what has dose 0."""


def name_of(key: str) -> str:
    """`glasses:round,gold` -> `glasses`."""
    return key.partition(":")[0]


def read(key: str, dose: float) -> Worn:
    """`glasses:round,gold` and a dose, which is held within the attribute's range. Raises `ValueRangeError` for a name, or an
    option, that does not exist."""
    name, _, said = key.partition(":")
    if name not in KINDS:
        raise ValueRangeError(
            f"There is no attribute '{name}'{nearest(name, KINDS) or '.'} Those that are drawn are {', '.join(NAMES)}; others "
            "come with --engine vae or stylegan."
        )
    kind = KINDS[name]
    options: dict[str, str] = {}
    for word in filter(None, (piece.strip().lower() for piece in said.split(","))):
        what = next((what for what, choice in kind.choices.items() if word in choice and what not in options), None)
        if what is None:
            known = [word for choice in kind.choices.values() for word in choice]
            legal = f"it can be {', '.join(known)}" if known else "it has no options"
            raise ValueRangeError(f"'{word}' is no option of the attribute '{name}'; {legal}.")
        options[what] = word
    return Worn(name, min(max(dose, kind.low), kind.high), tuple(options.items()))


def wish_of(doses: Mapping[str, float], intensity: float = 1.0) -> Wish:
    """{`glasses:round,gold`: 1} -> what is worn. Of an attribute given twice the later is taken; an `intensity` beyond 1 takes
    none beyond its range. Raises `ValueRangeError` for names and options that do not exist, and doses out of range."""
    asked = {}
    for key, dose in doses.items():
        worn = read(key, dose)
        if worn.dose != dose:
            kind = KINDS[worn.name]
            raise ValueRangeError(f"The dose of '{worn.name}' is {dose:g}; legal is {kind.low:g} to {kind.high:g}.")
        asked[worn.name] = read(key, intensity * dose)
    if {name for name, worn in asked.items() if worn.dose} >= EYEWEAR:
        raise ValueRangeError("Glasses and sunglasses cannot be worn at once; leave one of them out.")
    return tuple(asked[name] for name in NAMES if name in asked and asked[name].dose)


def split(changes: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """A page's changes -> those of controls, and the doses of attributes that are drawn."""
    drawn = {key: dose for key, dose in changes.items() if name_of(key) in KINDS}
    return {key: value for key, value in changes.items() if key not in drawn}, drawn
