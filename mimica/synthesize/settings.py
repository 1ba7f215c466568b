"""What a set of synthetic data is to be."""

from __future__ import annotations

from dataclasses import dataclass

from mimica.errors import ValueRangeError, nearest
from mimica.motion.expression import checked

RENDERERS = ("rig", "engine", "both")
SMALLEST, LARGEST = 64, 1024
"""Side of the frames, pixels."""


@dataclass(frozen=True)
class Settings:
    """frames    of each photo, beside its own crop
    size         of the frames, pixels
    renderer     "rig", "engine", or "both" by turns
    seed         of everything random: the same seed and photos give the same bytes
    mesh, masks, flow   also write these, which the rig has
    quality      of JPEG
    """

    frames: int = 12
    size: int = 256
    renderer: str = "rig"
    seed: int = 0
    mesh: bool = False
    masks: bool = False
    flow: bool = False
    quality: int = 95

    def check(self) -> None:
        """Raises `ValueRangeError`."""
        checked(self.frames, "--frames", 1, 1000)
        checked(self.size, "--size", SMALLEST, LARGEST)
        checked(self.quality, "--quality", 1, 100)
        checked(self.seed, "--seed", 0, 2**32 - 1)
        if self.renderer not in RENDERERS:
            near = nearest(self.renderer, RENDERERS) or ";"
            raise ValueRangeError(f"There is no renderer '{self.renderer}'{near} they are {', '.join(RENDERERS)}.")
        if self.renderer == "engine" and (self.mesh or self.masks or self.flow):
            raise ValueRangeError("--mesh, --masks and --flow come from the rig: take --renderer rig or both.")
