"""Networks and data of a size for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimica.data.dataset import DatasetWriter, is_validation
from mimica.engines.stylegan.cascade.networks import CascadeGenerator

SIZES: dict[str, Any] = {
    "size": 64, "entry": 32, "base_size": 8, "widths": (8, 8, 8, 8, 8), "top_width": 8, "context": 8, "z_size": 16, "w_size": 16,
    "codes": 12, "dims": 4,
}  # fmt: skip


def generator(trained: bool = True) -> CascadeGenerator:
    """A tiny generator; `trained`: with random numbers where a new one has zeros."""
    torch.manual_seed(0)
    made = CascadeGenerator(**SIZES)
    if trained:
        with torch.no_grad():
            for parameter in made.parameters():
                if not parameter.abs().sum() > 0:
                    parameter.normal_(0, 0.1)
    return made.eval().requires_grad_(False)


def people(held_out: bool, count: int) -> list[str]:
    """Names of people that train, or that are held out."""
    return [name for name in (f"p{i}" for i in range(400)) if is_validation(name) == held_out][:count]


def write_faces(folder: Path, size: int = 64, copies: int = 1) -> Path:
    """8 people to train on, 2 held out, each with `copies` of another colour."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    with DatasetWriter(folder, "spots", size, ("AU12",), crop="ffhq") as writer:
        for name in [*people(False, 8), *people(True, 2)]:
            picture = np.full((size, size, 3), rng.integers(30, 220, 3), np.uint8)
            picture[size // 4 : -size // 4, size // 4 : -size // 4] = rng.integers(0, 256, 3)
            writer.add(picture, {"AU12": 0.5}, name, name)
            for k in range(copies):
                writer.add(picture[:, :, ::-1].copy(), {"AU12": 1.0}, f"{name}_e{k}", name, "happy", name)
    return folder
