"""A tiny VAE with random weights as an engine file, and a small made-up data set. No shipped weights are needed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mimica.engines.vae.codec import Vectors, load_engine_file, save_engine_file
from mimica.engines.vae.data import DataWriter
from mimica.engines.vae.export import export
from mimica.engines.vae.networks import KIND, Shape, TwoDecoderVae
from mimica.facs import SIDED_AU_NAMES
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights

TINY = Shape(image_size=16, patch=2, channels=(8, 8, 16), blocks=1, latent=6, mask_share=0.5)


@pytest.fixture(scope="session")
def tiny_network() -> TwoDecoderVae:
    torch.manual_seed(1)
    return TwoDecoderVae(TINY).eval()


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory, tiny_network: TwoDecoderVae) -> Path:
    """An engine file with the attributes `smile` and `age` and Action Unit steps, all random."""
    folder = tmp_path_factory.mktemp("vae")
    save_weights(folder / "vae.safetensors", Weights(KIND, 1, (), TINY.as_config(), module_tensors(tiny_network)))
    export(folder / "vae.safetensors", folder / "bare.safetensors")
    file, _ = load_engine_file(folder / "bare.safetensors")
    rng = np.random.default_rng(0)
    plain, alone = (3 * rng.standard_normal((2, 6)).astype(np.float32) for _ in range(2))
    units = rng.standard_normal((len(SIDED_AU_NAMES), 6)).astype(np.float32)
    zero = np.zeros(6, np.float32)
    vectors = Vectors(("smile", "age"), ((30, 20), (5, 6)), plain, alone, units, zero, zero + 1)
    save_engine_file(folder / "tiny.safetensors", file, vectors)
    return folder / "tiny.safetensors"


def made_up_face(rng: np.random.Generator, smile: float, side: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """An oval of random skin with a mouth that widens with the smile, on a random background, and its mask."""
    image = np.full((side, side, 3), rng.integers(0, 256, 3), np.uint8)
    mask = np.zeros((side, side), np.uint8)
    middle, axes = (side // 2, side // 2), (side // 3, side * 2 // 5)
    cv2.ellipse(mask, middle, axes, 0, 0, 360, 255, -1)
    cv2.ellipse(image, middle, axes, 0, 0, 360, [int(v) for v in rng.integers(120, 256, 3)], -1)
    half = round(1 + smile * side / 5)
    image[side * 2 // 3, side // 2 - half : side // 2 + half] = 0
    return image, mask


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 made-up faces of 20 people, three frames of a photo each, with `smile`, `age` (by person) and the Action Units; every
    fifth person is held out."""
    folder = tmp_path_factory.mktemp("vae_data")
    rng = np.random.default_rng(4)
    with DataWriter(folder, "made up", 16, ("smile", "age", *SIDED_AU_NAMES), 64) as writer:
        for person in range(20):
            age = float(rng.random())
            for frame in range(3):
                smile = frame / 2
                units = dict.fromkeys(SIDED_AU_NAMES, 0.0) | {"AU12L": smile, "AU12R": smile}
                name = f"p{person}" if frame == 0 else f"p{person}_{frame}"
                image, mask = made_up_face(rng, smile)
                values = {"smile": smile, "age": age, **units}
                writer.add(image, mask, values, (name, f"person{person}", f"p{person}"), person % 5 == 0)
    return folder


@pytest.fixture(scope="session")
def tiny_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 made-up faces; each is there again with dark bars for glasses, with a dark jaw for a beard, and as a frame whose mouth
    widens. Every fifth person is held out."""
    folder = tmp_path_factory.mktemp("vae_pairs")
    attributes = ("glasses", "beard", "dark_hair", *SIDED_AU_NAMES)
    with DataWriter(folder, "made-up pairs", 16, attributes, 160) as writer:
        for person in range(40):
            image, mask = made_up_face(np.random.default_rng(person), 0.0)
            row, values = (f"person{person}", f"p{person}"), dict.fromkeys(SIDED_AU_NAMES, 0.0)
            known = {"glasses": 0.0, "beard": 0.0, "dark_hair": person / 40, **values}
            photo = len(writer)
            writer.add(image, mask, known, (f"p{person}", *row), person % 5 == 0)
            for key, rows in (("glasses:wayfarer,black", slice(5, 8)), ("beard", slice(11, 14))):
                drawn, alpha = image.copy(), np.zeros((16, 16), np.uint8)
                drawn[rows, 3:13], alpha[rows, 3:13] = 10, 255
                writer.add(drawn, mask, {**known, key.partition(":")[0]: 1.0}, (f"p{person}_{key}", *row), person % 5 == 0)
                writer.add_pair(photo, key, 1.0, alpha)
            wide, _ = made_up_face(np.random.default_rng(person), 1.0)
            units = values | {"AU12L": 1.0, "AU12R": 1.0}
            writer.add(wide, mask, {**known, **units}, (f"p{person}_smile", *row), person % 5 == 0)
    return folder
