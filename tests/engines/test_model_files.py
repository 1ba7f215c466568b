"""Every model file of every engine, damaged in every way: one sentence, before anything is made with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import mimica
from mimica.engines.base import load_engine
from mimica.engines.ganimation.edit import FREE_WEIGHTS
from mimica.engines.ganimation.fast.file import ARRAYS, KIND, read_weights
from mimica.engines.vae.codec import ENGINE_KIND
from mimica.engines.vae.codec import WEIGHTS as VAE
from mimica.errors import WeightsError
from mimica.model_files.checkpoint import Array, Weights, check_arrays, load_weights, save_weights
from mimica.motion.predictor.predict import KIND as PREDICTOR_KIND
from mimica.motion.predictor.predict import WEIGHTS as PREDICTOR
from mimica.motion.predictor.predict import Predictor
from mimica.reader.convention import MAP_FILE
from mimica.reader.convention import load as load_map
from mimica.reader.read import WEIGHTS as READER
from mimica.reader.read import Reader, refiner_of

SHIPPED = Path(mimica.__file__).parent / "weights"
pytestmark = pytest.mark.skipif(not FREE_WEIGHTS.exists(), reason="the shipped weights are not there")


def _stylegan(name: str) -> Callable[[Path], Any]:
    """Loads the engine from a folder in which the file called `name` is the damaged one."""

    def load(path: Path) -> Any:
        pytest.importorskip("torch")
        for ours, theirs in (
            ("", "generator"),
            ("_encoder", "encoder"),
            ("_directions", "directions"),
            ("_autoencoder", "autoencoder"),
        ):
            target = path.with_name(f"{theirs}.safetensors")
            target.unlink(missing_ok=True)
            target.symlink_to(path if theirs == name else SHIPPED / f"stylegan{ours}.safetensors")
        return load_engine("stylegan", path.with_name("generator.safetensors"))

    return load


def _refiner(path: Path) -> Any:
    refiner_of(path.with_name("r.onnx")).write_bytes(path.read_bytes())
    path.with_name("r.onnx").write_bytes(READER.read_bytes())
    return Reader(path.with_name("r.onnx"))


FILES: dict[str, tuple[Path, Callable[[Path], Any]]] = {
    "ganimation": (FREE_WEIGHTS, lambda path: load_engine("ganimation", path)),
    "vae": (VAE, lambda path: load_engine("vae", path)),
    "stylegan": (SHIPPED / "stylegan.safetensors", _stylegan("generator")),
    "stylegan, encoder": (SHIPPED / "stylegan_encoder.safetensors", _stylegan("encoder")),
    "stylegan, directions": (SHIPPED / "stylegan_directions.safetensors", _stylegan("directions")),
    "stylegan, autoencoder": (SHIPPED / "stylegan_autoencoder.safetensors", _stylegan("autoencoder")),
    "predictor": (PREDICTOR, Predictor),
    "landmark map": (MAP_FILE, load_map),
    "reader": (READER, Reader),
    "refiner": (refiner_of(READER), _refiner),
}
rng = np.random.default_rng(0)
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "random bytes": lambda content: rng.bytes(4000),
    "nothing": lambda content: b"",
    "text": lambda content: b"these are no weights\n" * 9,
    "cut in the middle": lambda content: content[: len(content) // 2],
    "cut at the end": lambda content: content[:-7],
    "a header of 2^60 bytes": lambda content: b"\xff\xff\xff\xff\xff\xff\xff\x0f" + content[8:],
    "a deep header": lambda content: (100_000).to_bytes(8, "little") + b"[" * 100_000,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_garbage_is_told(tmp_path: Path, name: str, damage: str) -> None:
    source, load = FILES[name]
    path = tmp_path / f"damaged{source.suffix}"
    path.write_bytes(DAMAGES[damage](source.read_bytes()))
    with pytest.raises(WeightsError) as caught:
        load(path)
    assert len(str(caught.value)) < 400


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray | None]] = {
    "missing": lambda array: None,
    "not a number": lambda array: np.full_like(array, np.nan),
    "infinite": lambda array: np.concatenate([array.ravel()[:-1], [np.inf]]).reshape(array.shape).astype(array.dtype),
    "another shape": lambda array: array[..., None],
    "another length": lambda array: np.concatenate([array, array]) if array.ndim else np.zeros(3, array.dtype),
    "other numbers": lambda array: np.asarray(array > 0),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", [name for name, (path, _) in FILES.items() if path.suffix == ".safetensors"])
def test_a_changed_array_is_told(tmp_path: Path, name: str, change: str) -> None:
    """The first, a middle and the last array of the file that holds numbers, one after the other."""
    source, load = FILES[name]
    weights = load_weights(source, _kind(source))
    names = [n for n, array in weights.tensors.items() if array.dtype.kind == "f"]
    for chosen in {names[0], names[len(names) // 2], names[-1]}:
        tensors = dict(weights.tensors)
        made = CHANGES[change](tensors.pop(chosen))
        _written(tmp_path / "changed.safetensors", weights, tensors if made is None else {**tensors, chosen: made})
        with pytest.raises(WeightsError):
            load(tmp_path / "changed.safetensors")


def _kind(path: Path) -> str:
    from mimica.model_files.checkpoint import read_about

    return str(read_about(path)["kind"])


def _written(path: Path, weights: Weights, tensors: Mapping[str, np.ndarray]) -> None:
    """Without the checks of `save_weights`."""
    import json

    about = {"kind": weights.kind, "version": 1, "controls": weights.controls, "config": dict(weights.config), "notes": {}}
    save_file({n: np.ascontiguousarray(a) if a.ndim else a for n, a in tensors.items()}, path, {"mimica": json.dumps(about)})


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("change", [*CHANGES, "out of range", "below zero"])
def test_every_array_of_the_fast_generator_is_declared(name: str, change: str) -> None:
    tensors = dict(_fast())
    row, array = ARRAYS[name], tensors.pop(name, None)
    if array is None or (change == "missing" and not row.required):
        return
    if change in ("not a number", "infinite") and array.dtype.kind != "f":
        return
    if change in ("out of range", "below zero"):
        if not row.below:
            return
        made: np.ndarray | None = array.copy()
        assert made is not None
        made.flat[0] = -1 if change == "below zero" else 10**6
    elif change == "another length" and row.shape[0] in (
        "mouth bytes",
        "eye bytes",
        "triangles",
        "inner triangles",
        "mouth loop",
        "left loop",
        "right loop",
    ):
        return  # any length will do
    else:
        made = CHANGES[change](array)
    with pytest.raises(WeightsError, match=name.split(".")[0]):
        check_arrays(tensors if made is None else {**tensors, name: made}, ARRAYS, "file")


_FAST: dict[str, np.ndarray] = {}


def _fast() -> dict[str, np.ndarray]:
    if not _FAST:
        _FAST.update(read_weights(FREE_WEIGHTS))
    return _FAST


def test_old_and_new_headers_hold_the_same(tmp_path: Path) -> None:
    """The shipped files have the older header; what is read of them and written again is read alike."""
    old = load_weights(FREE_WEIGHTS, KIND, arrays=ARRAYS)
    save_weights(tmp_path / "new.safetensors", old)
    new = load_weights(tmp_path / "new.safetensors", KIND, arrays=ARRAYS)
    assert new.controls == old.controls and new.tensors.keys() == old.tensors.keys()
    assert all(np.array_equal(new.tensors[name], array) for name, array in old.tensors.items())
    assert (tmp_path / "new.safetensors").read_bytes()[8:].startswith(b'{"__metadata__":{"mimica"')


def test_a_network_inside_a_file_is_told(tmp_path: Path) -> None:
    for source, kind, engine in ((FREE_WEIGHTS, KIND, "ganimation"), (VAE, ENGINE_KIND, "vae")):
        weights = load_weights(source, kind)
        for name in [n for n in weights.tensors if n.endswith(".onnx") or n.startswith("painter.")]:
            for change in (
                lambda a: rng.integers(0, 255, 4000, np.uint8),
                lambda a: a[:1000],
                lambda a: np.where(np.arange(len(a)) < 16, 255, a).astype(np.uint8),
            ):
                path = tmp_path / "changed.safetensors"
                save_weights(path, replace(weights, tensors={**weights.tensors, name: change(weights.tensors[name])}))
                with pytest.raises(WeightsError, match=name):
                    load_engine(engine, path)


def test_a_network_for_something_else_is_told(tmp_path: Path) -> None:
    """It loads, but gives other shapes: found by the first picture."""
    weights = load_weights(VAE, ENGINE_KIND)
    tensors = {**weights.tensors, "decoder.onnx": weights.tensors["encoder.onnx"]}
    save_weights(tmp_path / "changed.safetensors", replace(weights, tensors=tensors))
    engine: Any = load_engine("vae", tmp_path / "changed.safetensors")
    with pytest.raises(WeightsError, match=r"decoder\.onnx, cannot be run"):
        engine.codec.decode(np.zeros((1, engine.codec.latent), np.float32))


def test_the_predictor_needs_its_shapes(tmp_path: Path) -> None:
    weights = load_weights(PREDICTOR, PREDICTOR_KIND)
    tensors = {**weights.tensors, "whiten": np.zeros_like(weights.tensors["whiten"])}
    save_weights(tmp_path / "p.safetensors", replace(weights, tensors=tensors))
    with pytest.raises(WeightsError, match="whiten"):
        Predictor(tmp_path / "p.safetensors")


def test_sizes_hang_together() -> None:
    table = {"a": Array("N", 3), "b": Array("N"), "places": Array("M", below="N")}
    arrays = {"a": np.zeros((4, 3), np.float32), "b": np.zeros(4, np.float16), "places": np.array([0, 3], np.int32)}
    assert check_arrays(arrays, table, "x") == {"N": 4, "M": 2}
    for name, value in (("b", np.zeros(5, np.float32)), ("places", np.array([4], np.int32)), ("a", np.zeros((4, 2), np.float32))):
        with pytest.raises(WeightsError, match=f"x .*{name}"):
            check_arrays({**arrays, name: value}, table, "x")
