"""Networks of others are read without running anything: NVIDIA's pickles, rosinality's state dicts, and hostile files."""

from __future__ import annotations

import argparse
import io
import os
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mimica.engines.stylegan.names import LAYOUTS
from mimica.engines.stylegan.networks import Discriminator, Generator
from mimica.engines.stylegan.pickles import choose, load_networks
from mimica.errors import WeightsError
from mimica.foreign.torch_file import read_torch_file
from mimica.model_files.checkpoint import fill_module

SIZE = 16
TINY = {"z_size": 6, "w_size": 5, "depth": 2, "channel_base": 64, "channel_max": 8}


def networks() -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    generator, discriminator = Generator(SIZE, **TINY), Discriminator(SIZE, 64, 8)
    for module in (generator, discriminator):
        for parameter in module.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    generator.mapping.w_average.normal_()
    return generator, discriminator


def reconstruct(meta: dict[str, Any]) -> None:
    raise AssertionError("the file's object was made")


class Persistent:
    """Pickles as an object of NVIDIA's: a call of `_reconstruct_persistent_obj` with the class's source code."""

    def __init__(self, name: str, tensors: dict[str, Any], **state: Any) -> None:
        self.meta = {
            "type": "class", "version": 6, "module_src": "import os; os.mkdir('evil')", "class_name": name,
            "state": self.state(tensors) | state,
        }  # fmt: skip

    def state(self, tensors: dict[str, Any]) -> dict[str, Any]:
        children = {name.split(".", 1)[0] for name in tensors if "." in name}
        own = {name: value for name, value in tensors.items() if "." not in name}
        return {
            "training": False,
            "_parameters": OrderedDict((n, v) for n, v in own.items() if isinstance(v, torch.nn.Parameter)),
            "_buffers": OrderedDict((n, v) for n, v in own.items() if not isinstance(v, torch.nn.Parameter)),
            "_non_persistent_buffers_set": set(),
            "_modules": OrderedDict(
                (child, Persistent("Module", {n.split(".", 1)[1]: v for n, v in tensors.items() if n.startswith(f"{child}.")}))
                for child in sorted(children)
            ),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self.meta,)


@pytest.fixture
def nvidia(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module that NVIDIA's pickles name, so that such pickles can be written."""
    persistence = types.ModuleType("torch_utils.persistence")
    reconstruct.__module__, reconstruct.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
    persistence._reconstruct_persistent_obj = reconstruct  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_utils", types.ModuleType("torch_utils"))
    monkeypatch.setitem(sys.modules, "torch_utils.persistence", persistence)


def nvidia_file(path: Path, protocol: int = 4) -> tuple[Generator, Discriminator]:
    generator, discriminator = networks()
    records = nvidia_records(generator, discriminator)
    path.write_bytes(pickle.dumps({**records, "training_set_kwargs": {"path": "x"}, "augment_pipe": None}, protocol))
    return generator, discriminator


def nvidia_records(generator: Generator | None = None, discriminator: Discriminator | None = None) -> dict[str, Persistent]:
    if generator is None or discriminator is None:
        generator, discriminator = networks()
    fir = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64
    records = {}
    for name, module in (("G", generator), ("D", discriminator), ("G_ema", generator)):
        state = dict(module.state_dict(keep_vars=True))
        layout = LAYOUTS["nvidia"]
        table = layout.discriminator(SIZE)
        if name != "D":
            table = layout.generator(SIZE, {f"mapping.fc{i}.weight": None for i in range(2)})
        tensors = {theirs.removeprefix("?"): state[ours] for ours, theirs in table.items()}
        for torgb in [n for n in tensors if n.endswith("torgb.weight")]:
            tensors[torgb] = torch.nn.Parameter(tensors[torgb].detach()[:, :, None, None])
        tensors["synthesis.b8.resample_filter" if name != "D" else "b8.resample_filter"] = fir
        records[name] = Persistent("Generator" if name != "D" else "Discriminator", tensors)
    return records


@torch.no_grad()
def same_pictures(weights: Any, generator: Generator) -> bool:
    net = Generator(**weights.config)
    fill_module(net, weights.tensors, "test")
    z = torch.randn(2, TINY["z_size"])
    return torch.allclose(net(z, truncation=0.7), generator(z, truncation=0.7), atol=1e-6)


@pytest.mark.usefixtures("nvidia")
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_nvidia_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    monkeypatch.chdir(tmp_path)
    generator, discriminator = nvidia_file(tmp_path / "net.pkl", protocol)
    found = load_networks(tmp_path / "net.pkl")
    assert list(found.networks) == ["G", "D", "G_ema"] and found.layout == "nvidia"
    name, weights = choose(found, None, tmp_path / "net.pkl")
    assert name == "G_ema" and weights.config == {"size": SIZE, **TINY}
    assert same_pictures(weights, generator)
    critic = Discriminator(**found.networks["D"].config)
    fill_module(critic, found.networks["D"].tensors, "test")
    pictures = torch.randn(2, 3, SIZE, SIZE)
    assert torch.allclose(critic(pictures), discriminator(pictures), atol=1e-6)
    assert not Path("evil").exists()


@pytest.mark.usefixtures("nvidia")
def test_another_filter_or_an_unknown_tensor_is_refused(tmp_path: Path) -> None:
    state = {"synthesis.b4.const": torch.zeros(1, 4, 4), "synthesis.b4.resample_filter": torch.ones(4, 4)}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"G": Persistent("Generator", state)}))
    with pytest.raises(WeightsError, match="another filter"):
        load_networks(tmp_path / "a.pkl")
    state = {"synthesis.b4.const": torch.zeros(1, 4, 4), "mapping.embed.weight": torch.zeros(2, 2)}
    (tmp_path / "b.pkl").write_bytes(pickle.dumps({"G": Persistent("Generator", state)}))
    with pytest.raises(WeightsError, match="no unconditional StyleGAN2"):
        load_networks(tmp_path / "b.pkl")


@pytest.mark.usefixtures("nvidia")
@pytest.mark.parametrize("channels, word", [(1, "gray"), (4, "transparency"), (2, "2 channels")])
@pytest.mark.parametrize("network", ["G", "D"])
def test_networks_without_three_colours_are_refused(tmp_path: Path, channels: int, word: str, network: str) -> None:
    records = nvidia_records()
    for record in [records[network]]:
        _with_channels(record, channels)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({network: records[network]}))
    with pytest.raises(WeightsError, match=word):
        load_networks(tmp_path / "a.pkl")


def _with_channels(record: Persistent, channels: int) -> None:
    """Repeats or drops colours in all layers that have colours."""
    state = record.meta["state"]
    for name, child in state["_modules"].items():
        if name in ("torgb", "fromrgb"):
            parameters = child.meta["state"]["_parameters"]
            axis = 0 if name == "torgb" else 1
            for part in ("weight", "bias") if name == "torgb" else ("weight",):
                old = parameters[part].detach()
                parameters[part] = torch.nn.Parameter(old.index_select(axis, torch.arange(channels) % 3))
        _with_channels(child, channels)


def rosinality_content() -> tuple[Generator, dict[str, Any]]:
    generator, discriminator = networks()
    names = LAYOUTS["rosinality"]
    state = generator.state_dict()
    table = names.generator(SIZE, {f"style.{i + 1}.weight": None for i in range(2)})
    g = {theirs.removeprefix("?"): state[ours] for ours, theirs in table.items()}
    average = g.pop("latent_avg")
    for name, value in g.items():
        if name.endswith("conv.weight"):
            g[name] = value[None] if value.ndim == 4 else value[None, :, :, None, None]
        elif name.startswith("to_rgb") and name.endswith("bias") and "modulation" not in name:
            g[name] = value[None, :, None, None]
        elif name.startswith(("input", "noises")):
            g[name] = value[None] if value.ndim == 3 else value[None, None]
        elif name.endswith("noise.weight"):
            g[name] = value[None]
    g["convs.0.conv.blur.kernel"] = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 16
    d = {theirs: discriminator.state_dict()[ours] for ours, theirs in names.discriminator(SIZE).items()}
    content = {"g_ema": g, "d": d, "latent_avg": average, "args": argparse.Namespace(size=SIZE), "g_optim": {"state": {}}}
    return generator, content


@pytest.mark.parametrize("zipped", [True, False])
def test_rosinality_files_are_read(tmp_path: Path, zipped: bool) -> None:
    generator, content = rosinality_content()
    torch.save(content, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    found = load_networks(tmp_path / "net.pt")
    assert set(found.networks) == {"g_ema", "d"}
    assert same_pictures(choose(found, None, tmp_path)[1], generator)
    with pytest.raises(WeightsError, match="it has g_ema, d"):
        choose(found, "G", tmp_path)


def test_half_and_brain_floats_are_read(tmp_path: Path) -> None:
    from mimica.foreign.torch_file import tensor

    for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.int64):
        values = torch.arange(6).reshape(2, 3).to(dtype)
        torch.save({"x": values.t()}, tmp_path / "x.pt")
        array = tensor(read_torch_file(tmp_path / "x.pt")["x"])
        assert array is not None and np.array_equal(array, values.t().float().numpy())


# --- hostile files ----------------------------------------------------------------------------------------------------


class Runs:
    """Unpickled as usual, it calls `function(*args)`."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def _global(module: bytes, name: bytes) -> bytes:
    return b"c" + module + b"\n" + name + b"\n"


HOSTILE = {
    "os.system": pickle.dumps({"G": Runs(os.system, "touch evil")}),
    "os.mkdir in a list in a tuple": pickle.dumps([1, (2, [Runs(os.mkdir, "evil")])]),
    "builtins.eval": pickle.dumps(Runs(eval, "__import__('os').mkdir('evil')")),
    "builtins.exec, protocol 0": pickle.dumps(Runs(exec, "import os; os.mkdir('evil')"), 0),
    "getattr chain": b"\x80\x04cbuiltins\ngetattr\ncos\nsystem\n\x8c\x04name\x86R.",
    "inst": b"(S'touch evil'\nios\nsystem\n.",
    "obj": b"(" + _global(b"os", b"system") + b"S'touch evil'\no.",
    "newobj": b"\x80\x04" + _global(b"subprocess", b"Popen") + b"\x8c\x0atouch evil\x85\x81.",
    "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0atouch evil\x85R.",
    "dotted name": b"\x80\x04\x8c\x05torch\x8c\x15serialization.os.system\x93\x8c\x01x\x85R.",
    "torch.load": b"\x80\x04" + _global(b"torch", b"load") + b"\x8c\x01x\x85R.",
    "extension registry": b"\x80\x02\x82\x01.",
    "build on a name": b"\x80\x04" + _global(b"collections", b"OrderedDict") + b"}\x8c\x01a\x8c\x01bs\x62.",
    "call of a called thing": b"\x80\x04" + _global(b"torch", b"Size") + b")R)R.",
    "persistent id": b"\x80\x04\x8c\x01xQ.",
    "huge string": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",
    "huge bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.",
    "huge memo": b"\x80\x04Nr\xff\xff\xff\xff.",
    "empty stack": b"\x80\x04R.",
    "no stop": b"\x80\x04N",
    "nothing": b"",
    "text": b"these are no weights",
    "zip bomb's beginning": b"PK\x03\x04" + bytes(30),
    "itself inside itself": b"\x80\x04]\x94h\x00a.",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_run_nothing_and_end_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.pkl").write_bytes(HOSTILE[name])
    with pytest.raises(WeightsError, match=r"net\.pkl"):
        load_networks(Path("net.pkl"))
    assert os.listdir() == ["net.pkl"]


def test_what_is_refused_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.pkl").write_bytes(HOSTILE["builtins.eval"])
    with pytest.raises(WeightsError, match=r"builtins\.eval.*nothing in it was run"):
        load_networks(tmp_path / "net.pkl")


@pytest.mark.usefixtures("nvidia")
def test_code_inside_a_tensors_bytes_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle within the pickle, where usual readers stop looking."""
    monkeypatch.chdir(tmp_path)
    inner = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
    inner += pickle.dumps(Runs(os.mkdir, "evil"), 2)
    storage = Runs(torch.storage._load_from_bytes, inner)
    parameter = Runs(torch._utils._rebuild_tensor_v2, storage, 0, (1, 4, 4), (16, 4, 1), False, OrderedDict())
    record = Persistent("Generator", {})
    record.meta["state"]["_modules"]["synthesis"] = Persistent("S", {})
    record.meta["state"]["_modules"]["synthesis"].meta["state"]["_parameters"]["x"] = parameter
    Path("net.pkl").write_bytes(pickle.dumps({"G": record}))
    with pytest.raises(WeightsError, match=f"{os.mkdir.__module__}.mkdir"):
        load_networks(Path("net.pkl"))
    assert not Path("evil").exists()


@pytest.mark.parametrize(
    "size, stride, offset",
    [((4, 4), (4, 1), 1), ((3,), (-1,), 2), ((2**40,), (0,), 0), ((2**62, 4), (0, 1), 0), ((-1,), (1,), 0)],
)
def test_tensors_stay_inside_their_numbers(tmp_path: Path, size: Any, stride: Any, offset: int) -> None:
    from mimica.foreign.pickle_machine import RefusedError
    from mimica.foreign.torch_file import tensor

    storage = torch.arange(16.0).untyped_storage()
    typed = torch.storage.TypedStorage(wrap_storage=storage, dtype=torch.float32, _internal=True)
    call = Runs(torch._utils._rebuild_tensor_v2, typed, offset, size, stride, False, OrderedDict())
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"x": call}))
    with pytest.raises(RefusedError, match="beyond its numbers"):
        tensor(read_torch_file(tmp_path / "x.pkl")["x"])


def test_a_compressed_or_foreign_archive_is_refused(tmp_path: Path) -> None:
    for name, method in (("data.pkl", zipfile.ZIP_DEFLATED), ("other", zipfile.ZIP_STORED)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr(f"archive/{name}", b"\x80\x02N.")
        (tmp_path / "net.pt").write_bytes(buffer.getvalue())
        with pytest.raises(WeightsError, match="archive"):
            load_networks(tmp_path / "net.pt")
