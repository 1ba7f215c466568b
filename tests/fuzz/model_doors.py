"""Doors of pickles and model files."""

from __future__ import annotations

import contextlib
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from door import Door, saved
from structured import checkpoint_changed, onnx_changed, program_changed, safetensors_changed


class _Persistent:
    """An object as NVIDIA's files write it."""

    def __init__(self, tensors: dict[str, Any]) -> None:
        self.meta = {
            "type": "class",
            "module_src": "",
            "class_name": "Generator",
            "state": {"_parameters": tensors, "_modules": {}},
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self.meta,)  # type: ignore[attr-defined]


def _reconstruct(meta: Any) -> None:
    raise AssertionError("the file's object was made")


def _nvidia() -> bytes:
    import types

    import torch

    module = types.ModuleType("torch_utils.persistence")
    _reconstruct.__module__, _reconstruct.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
    module._reconstruct_persistent_obj = _reconstruct  # type: ignore[attr-defined]
    sys.modules["torch_utils"], sys.modules["torch_utils.persistence"] = types.ModuleType("torch_utils"), module
    return pickle.dumps({"G_ema": _Persistent({"synthesis.b4.const": torch.nn.Parameter(torch.zeros(8, 4, 4))})})


def pickle_doors(folder: Path) -> dict[str, Door]:
    import torch

    from mimica.engines.ganimation.paper.authors import load_checkpoint
    from mimica.engines.stylegan.pickles import load_networks
    from mimica.foreign.array_pickle import read_arrays
    from mimica.training.run_folder import RunFolder

    rows = {"a": np.arange(3.0), "b": [np.float64(1), 2.0, 3], "c": OrderedDict(AU01=1, AU02=np.float32(2))}
    state = {"main.0.weight": torch.zeros(4, 20, 7, 7), "img_reg.0.weight": torch.zeros(3, 4, 7, 7)}
    run = {
        "step": 5,
        "modules": {"a": {"weight": torch.zeros(2, 3)}},
        "optimisers": {"a": {"state": {}, "param_groups": [{"lr": 0.1}]}},
    }
    return {
        "tables of arrays": Door({f"t{p}.pkl": pickle.dumps(rows, p) for p in range(6)}, read_arrays, change=program_changed),
        "checkpoints": Door(
            {
                "z.pth": saved(lambda p: torch.save(state, p), "z.pth", folder),
                "l.pth": saved(lambda p: torch.save(state, p, _use_new_zipfile_serialization=False), "l.pth", folder),
            },
            load_checkpoint,
            change=checkpoint_changed,
        ),
        "networks of others": Door(
            {"n.pkl": _nvidia(), "r.pt": saved(lambda p: torch.save({"g_ema": state}, p), "r.pt", folder)}, load_networks
        ),
        "resumed runs": Door(
            {"step-00000005.pt": saved(lambda p: torch.save(run, p), "step-00000005.pt", folder)},
            lambda path: RunFolder(path.parent).load_state(path),
            change=checkpoint_changed,
        ),
    }


def model_doors(folder: Path) -> dict[str, Door]:
    import torch

    from mimica.engines.base import load_engine
    from mimica.engines.ganimation.paper.networks import GENERATOR_KIND, Generator
    from mimica.engines.vae.networks import KIND, Shape, TwoDecoderVae
    from mimica.facs import AU_NAMES
    from mimica.model_files.checkpoint import Weights, load_weights, module_tensors, save_weights
    from mimica.motion.predictor.predict import WEIGHTS, Predictor

    net, config = Generator(len(AU_NAMES), 4, 1), {"image_size": 64, "width": 4, "blocks": 1}
    paper = saved(
        lambda p: save_weights(p, Weights(GENERATOR_KIND, 1, AU_NAMES, config, module_tensors(net))), "p.safetensors", folder
    )
    shape = Shape(image_size=16, patch=2, channels=(8, 8, 16), blocks=1, latent=6, mask_share=0.5)
    torch.manual_seed(0)
    trained = Weights(KIND, 1, (), shape.as_config(), module_tensors(TwoDecoderVae(shape)))
    save_weights(folder / "v.safetensors", trained)
    doors = {
        "model files": Door({"p.safetensors": paper}, lambda path: load_engine("ganimation", path), change=safetensors_changed),
        "predictors": Door({"q.safetensors": WEIGHTS.read_bytes()}, Predictor, change=safetensors_changed),
    }
    with contextlib.suppress(ModuleNotFoundError):  # writing ONNX needs packages that only trainings need
        from mimica.engines.vae.export import export

        export(folder / "v.safetensors", folder / "engine.safetensors")
        tensors = load_weights(folder / "engine.safetensors", "vae-engine").tensors
        doors["engines"] = Door(
            {"e.safetensors": (folder / "engine.safetensors").read_bytes()}, _paint, change=safetensors_changed
        )
        doors["ONNX"] = Door(
            {"d.onnx": tensors["decoder.onnx"].tobytes(), "e.onnx": tensors["encoder.onnx"].tobytes()}, _run, change=onnx_changed
        )
    return doors


def _paint(path: Path) -> None:
    from mimica.engines.base import load_engine

    engine: Any = load_engine("vae", path)
    engine.codec.decode(engine.codec.encode(np.zeros((1, engine.codec.image_size, engine.codec.image_size, 3), np.uint8)))


def _run(path: Path) -> None:
    from mimica.model_files.onnx_session import open_session

    session = open_session(path, 1)
    session.run({"z": np.zeros((1, 6), np.float32)}, (1, 3, 16, 16), (1, 1, 16, 16))
