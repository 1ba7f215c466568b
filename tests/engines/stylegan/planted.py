"""Made-up latents in which it is known what is where."""

from __future__ import annotations

import numpy as np

from mimica.engines.stylegan.latents import LatentSet

NUM_WS, W_SIZE = 10, 32


def planted(count: int = 3000, space: str = "w", seed: int = 0, people: int = 0) -> tuple[LatentSet, dict[str, np.ndarray]]:
    """Codes, normal with variance 1, of which AU12 is one direction, yaw another at 45 degrees to it, both with noise. With
    `people`, each code is that of one of so many people plus a change. Gives the set and the planted unit directions."""
    rng = np.random.default_rng(seed)
    rows = 1 if space == "w" else NUM_WS
    codes = rng.standard_normal((count, rows, W_SIZE))
    owners = np.arange(count) if not people else np.arange(count) % people
    if people:
        codes = 0.5 * codes + 2.0 * np.random.default_rng(seed + 1).standard_normal((people, rows, W_SIZE))[owners]
    first, second = (v / np.linalg.norm(v) for v in rng.standard_normal((2, rows, W_SIZE)))
    second = second + first
    second /= np.linalg.norm(second)
    values = np.stack(
        [
            np.clip(0.4 + 0.15 * (np.tensordot(codes, first, 2) + 0.2 * rng.standard_normal(count)), 0, 1),
            8.0 * (np.tensordot(codes, second, 2) + 0.2 * rng.standard_normal(count)),
        ],
        axis=1,
    )
    names = tuple(f"face {i}" for i in range(count))
    emotions = tuple("happiness" if v > 0.6 else "sadness" if v < 0.2 else "" for v in values[:, 0])
    latents = LatentSet(
        "planted", "abc", NUM_WS, codes.astype(np.float32), ("AU12", "yaw"), values.astype(np.float32),
        names, tuple(f"person {i}" for i in owners), emotions,
    )  # fmt: skip
    return latents, {"AU12": first, "yaw": second}
