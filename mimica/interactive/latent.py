"""What the engines with a latent space can make besides editing a photo: faces of nobody, ways between expressions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mimica.engines.base import Engine, load_engine
from mimica.errors import ValueRangeError

MAKERS: tuple[str, ...] = ("stylegan", "vae")
MAX_SAMPLES = 24
TRANSITION_FRAMES = 13
_TRUNCATION = 0.8


@dataclass(frozen=True)
class Made:
    """One picture, uint8 (S, S, 3), and the words for it."""

    image: np.ndarray
    label: str


def samples(engine: Engine, seeds: list[int]) -> Iterator[Made]:
    """One face a seed. Raises `ValueRangeError` for an engine that makes none, and for too many seeds."""
    if not 1 <= len(seeds) <= MAX_SAMPLES:
        raise ValueRangeError(f"There are {len(seeds)} seeds; 1 to {MAX_SAMPLES} can be shown at once.")
    for seed in seeds:
        yield Made(_sample(engine, seed), f"seed {seed}")


def _sample(engine: Engine, seed: int) -> np.ndarray:
    from mimica.engines.vae.edit import VaeEngine
    from mimica.face.overlay import to_pixels

    if isinstance(engine, VaeEngine):
        return to_pixels(engine.codec.decode(engine.vectors.draw(1, seed))[0][0])
    if engine.name == "stylegan":
        codec = engine.codec  # type: ignore[attr-defined]
        return np.asarray(codec.decode(_code(codec, seed))[0])
    raise ValueRangeError(f"The engine '{engine.name}' makes no faces of its own; take one of {', '.join(MAKERS)}.")


def _code(codec: object, seed: int) -> np.ndarray:
    """(1, num_ws, w_size), the same face as `mimica transition --seeds` has."""
    return np.repeat(codec.sample(1, seed, _TRUNCATION), codec.num_ws, axis=1)  # type: ignore[attr-defined]


def transition(seed: int, start: str, end: str, frames: int = TRANSITION_FRAMES) -> Iterator[Made]:
    """The face of `seed` from one expression to another in StyleGAN's latent space, straight, without passing neutral; `own` is
    what it shows itself. Raises `ValueRangeError`, `WeightsError`, `MissingExtraError`."""
    engine = load_engine("stylegan")
    from mimica.engines.stylegan.sheets import transition_frames
    from mimica.engines.stylegan.transition import expression_codes

    codec, editor = engine.codec, engine.editor  # type: ignore[attr-defined]
    if editor is None:
        raise ValueRangeError("This generator has no pseudo-autoencoder, which transitions need.")
    code = _code(codec, seed)
    ends = [code if words == "own" else expression_codes(codec, editor, code, words) for words in (start, end)]
    for i, one in enumerate(transition_frames(ends[0][0], ends[1][0], frames)):
        yield Made(codec.decode(one[None])[0], f"{100 * i / (frames - 1):.0f}%")
