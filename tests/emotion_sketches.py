"""Sketched faces with an emotion each, and tiny untrained weights of each baseline, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mimica.data.dataset import DatasetWriter
from mimica.engines.baselines.networks import Encoder, LatentGenerator, ResidualGenerator
from mimica.facs import EMOTIONS
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights


def sketch(emotion: int, shade: int) -> np.ndarray:
    """uint8 (64, 64, 3): the mouth's curve tells the emotion."""
    rows, columns = np.mgrid[0:64, 0:64]
    picture = np.full((64, 64, 3), shade, np.uint8)
    mouth = 44 - (emotion - 1) * 8 * ((columns - 32) / 14.0) ** 2
    picture[(np.abs(rows - mouth) < 2) & (np.abs(columns - 32) < 14)] = (200, 30, 30)
    for centre in (20, 44):
        picture[(np.abs(rows - 27) < 3) & (np.abs(columns - centre) < 4)] = 20
    return picture


def write_emotions(folder: Path, count: int = 60, emotions: tuple[str, ...] = ("neutral", "happiness", "sadness")) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    with DatasetWriter(folder, "sketches", 64, ("AU12", "AU15")) as writer:
        for i in range(count):
            number = i % (len(emotions) + 1)
            emotion = emotions[number] if number < len(emotions) else ""
            values = {"AU12": float(emotion == "happiness"), "AU15": float(emotion == "sadness")}
            writer.add(sketch(number, int(random.integers(120, 220))), values, f"{i}", f"person {i}", emotion)
    return folder


def _save(path: Path, kind: str, domains: tuple[str, ...], modules: dict, **config: int) -> Path:
    tensors = {f"{name}.{key}": array for name, module in modules.items() for key, array in module_tensors(module).items()}
    shape = {"image_size": 64, "width": 4, "blocks": 1, "domains": list(domains), **config}
    save_weights(path, Weights(kind, 1, domains, shape, tensors))
    return path


def tiny_weights(name: str, folder: Path) -> Path:
    """A file, or a folder of them, of random weights that know the eight emotions, for an engine."""
    import torch

    torch.manual_seed(0)
    if name == "stargan":
        generator = ResidualGenerator(len(EMOTIONS), 4, 1, affine=True)
        return _save(folder / "stargan.safetensors", "stargan-generator", EMOTIONS, {"generator": generator}, units=0)
    if name == "icgan":
        modules = {"generator": LatentGenerator(8, len(EMOTIONS), 64, 4), "encoder_z": Encoder(8, 16, 64, 2)}
        return _save(folder / "icgan.safetensors", "icgan", EMOTIONS, modules, latent=8, hidden=16)
    for emotion in EMOTIONS[1:]:
        names = ("there", "back") if name == "cyclegan" else ("generator",)
        kind = "cyclegan-generators" if name == "cyclegan" else "diat-generator"
        modules = {one: ResidualGenerator(0, 4, 1) for one in names}
        _save(folder / f"{name}_{emotion}.safetensors", kind, ("neutral", emotion), modules)
    return folder
