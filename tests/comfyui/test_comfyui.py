"""The node pack without ComfyUI: what each node does, the V3 shim against a stand-in of `comfy_api`, the example workflows
against the nodes' own schemas, and run."""

import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading

torch = pytest.importorskip("torch")

from mimica import api  # noqa: E402
from mimica.errors import ImageError, ValueRangeError  # noqa: E402
from mimica.facs import ACTION_UNITS, AU_NAMES, SIDED_AU_NAMES  # noqa: E402
from mimica.marks.visible import labelled  # noqa: E402
from mimica.reader import follow  # noqa: E402

PACK = Path(__file__).parents[2] / "comfyui"
WORKFLOWS = sorted((PACK / "workflows").glob("*.json"))
WIDGETS = {"STRING", "FLOAT", "INT", "BOOLEAN"}
CORE: dict[str, tuple[dict[str, str], list[str], int]] = {
    "LoadImage": ({}, ["IMAGE", "MASK"], 2),
    "SaveImage": ({"images": "IMAGE"}, [], 1),
    "PreviewImage": ({"images": "IMAGE"}, [], 0),
    "PreviewAny": ({"source": "*"}, [], 0),
    "CreateVideo": ({"images": "IMAGE", "fps": "FLOAT"}, ["VIDEO"], 1),
    "SaveVideo": ({"video": "VIDEO"}, [], 3),
    "LoadVideo": ({}, ["VIDEO"], 2),
    "GetVideoComponents": ({"video": "VIDEO"}, ["IMAGE", "AUDIO", "FLOAT"], 0),
}
"""ComfyUI's own nodes in the examples: inputs, outputs, number of widgets."""


def load(name: str) -> ModuleType:
    """The pack as ComfyUI loads it: a folder, as a package of its own."""
    for known in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[known]
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


pack = load("mimica_comfyui")
NODES: dict[str, Any] = pack.NODE_CLASS_MAPPINGS
values = sys.modules["mimica_comfyui.mimica_nodes.values"]


class _Reader:
    """Sees the astronaut's face everywhere; AU 12 is how bright the picture is."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def find(self, rgb: np.ndarray) -> list:
        return [reading(action_units=dict.fromkeys(SIDED_AU_NAMES, 0.0) | {"AU12L": rgb.mean() / 255, "AU12R": rgb.mean() / 255})]

    def follow(self, rgb: np.ndarray, readings: list) -> list:
        return self.find(rgb)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("mimica.api", "mimica.film.photos"):
        monkeypatch.setattr(f"{module}.find_faces", lambda rgb, detector=None: [reading()])
    monkeypatch.setattr(api, "load_engine", lambda name, weights: BrightMouth(controls=_controls(name)))
    monkeypatch.setattr("mimica.motion.driving.Finder", _Reader)
    monkeypatch.setattr(follow, "Finder", _Reader)


def _controls(engine: str) -> tuple[str, ...]:
    return ("AU12L", "AU12R", "AU45L", "AU45R")


@pytest.fixture
def image(astronaut: np.ndarray) -> Any:
    return torch.from_numpy(astronaut.astype(np.float32)[None] / 255)


@pytest.fixture
def face(image: Any) -> Any:
    return NODES["MimicaLoadFace"]().run(image, "largest", "ganimation")[0]


def expression(**sliders: float) -> Any:
    return NODES["MimicaExpression"]().run("add to the photo", "both", **sliders)[0]


# --- the nodes ------------------------------------------------------------------------------------------------------


def test_load_face_gives_a_crop_and_a_mask(image: Any) -> None:
    loaded, crop, mask, notes = NODES["MimicaLoadFace"]().run(image, "1", "ganimation")
    assert crop.ndim == 4 and crop.dtype == torch.float32 and mask.shape == (1, 512, 512) and 0.01 < mask.mean() < 0.1
    assert loaded.own["AU12L"] == 0.25 and notes == ""
    with pytest.raises(ValueRangeError, match="one face"):
        NODES["MimicaLoadFace"]().run(image, "all", "ganimation")
    with pytest.raises(ImageError, match="batch"):
        NODES["MimicaLoadFace"]().run(image[0], "1", "ganimation")


def test_no_change_is_the_photo(face: Any, image: Any) -> None:
    picture, mask, _ = NODES["MimicaApply"]().run(face, expression())
    assert torch.equal(picture, image) and not mask.any()
    picture, _, _ = NODES["MimicaApply"]().run(face, expression(lip_corner_puller=0.5), intensity=0.0)
    assert torch.equal(picture, image)


def test_sliders_move_their_side(face: Any, image: Any) -> None:
    one_side = NODES["MimicaExpression"]().run("add to the photo", "left", lip_corner_puller=0.5)[0]
    assert one_side["add"] == {"AU12L": 0.5}
    picture, mask, _ = NODES["MimicaApply"]().run(face, one_side)
    columns = np.flatnonzero(mask[0].numpy().any(axis=0))
    assert columns.min() > 220, "the person's left is the right of the picture"
    assert torch.equal(picture[mask == 0], image[mask == 0])


def test_every_action_unit_has_a_slider_in_order_of_regions() -> None:
    inputs = NODES["MimicaExpression"].INPUT_TYPES()["required"]
    sliders = [name for name in inputs if name not in ("mode", "side")]
    assert len(sliders) == len(ACTION_UNITS) == 17 and sliders[0] == "inner_brow_raiser" and sliders[-1] == "jaw_drop"
    every = NODES["MimicaExpression"]().run("set", "both", **dict.fromkeys(sliders, 0.5))[0]
    assert set(every["set"]) == set(SIDED_AU_NAMES) and set(every["set"].values()) == {0.5}
    assert len(AU_NAMES) == 17


def test_nodes_in_a_row_lay_one_on_top_of_the_other() -> None:
    first = NODES["MimicaEmotion"]().run("happiness", 1.0)[0]
    both = NODES["MimicaExpression"]().run("add to the photo", "both", expression=first, lip_corner_puller=-0.4)[0]
    assert both["set"]["AU12L"] == 1.0 and both["add"]["AU12L"] == -0.4
    assert values.target(both, dict.fromkeys(SIDED_AU_NAMES, 0.1))["AU12L"] == pytest.approx(0.6)
    over = NODES["MimicaEmotion"]().run("neutral", 1.0, expression=both)[0]
    assert over["set"]["AU12L"] == 0.0 and not over["add"], "an emotion sets all Action Units"
    assert both["add"] == {"AU12L": -0.4, "AU12R": -0.4}, "what came in is not changed"


def test_mixtures_of_emotions() -> None:
    mixed = NODES["MimicaEmotion"]().run("happiness", 0.5, "surprise", 0.5)[0]["set"]
    assert mixed["AU12L"] == pytest.approx(0.5) and mixed["AU02L"] == pytest.approx(0.45)


def test_pose_is_left_out_with_a_note_until_an_engine_can(face: Any, image: Any) -> None:
    turned = NODES["MimicaPoseGaze"]().run(yaw=10.0, gaze_x=0.0, gaze_y=-5.0)[0]
    assert turned["add"] == {"yaw": 10.0, "gaze_y": -5.0}
    picture, _, notes = NODES["MimicaApply"]().run(face, turned)
    assert "yaw, gaze_y" in notes and torch.equal(picture, image)
    assert values.lacking(turned, ("yaw", "gaze_y")) == []
    assert values.target(turned, {**face.own})["yaw"] == face.own["yaw"] + 10.0, "degrees away from the photo"


def test_attributes_the_engine_lacks_are_refused(face: Any) -> None:
    doses = NODES["MimicaAttributes"]().run("smile=1.5,\nage=-1")[0]
    assert doses["doses"] == {"smile": 1.5, "age": -1.0}
    with pytest.raises(ValueRangeError, match="smile, age"):
        NODES["MimicaApply"]().run(face, doses)


def test_animate_comes_and_goes(face: Any, image: Any) -> None:
    frames, fps, _ = NODES["MimicaAnimate"]().run(face, 1.0, 10.0, expression=expression(lip_corner_puller=0.5))
    assert frames.shape[1:] == image.shape[1:] and len(frames) == 10 and fps == 10.0
    changes = (frames - image).abs().mean(dim=(1, 2, 3))
    assert changes[0] == 0 and changes[5] > 0 and changes.argmax() in (4, 5, 6)
    two, _, _ = NODES["MimicaAnimate"]().run(
        face, 1.0, 10.0, expression=expression(), second_expression=expression(lip_corner_puller=0.5)
    )
    assert (two[-1] - image[0]).abs().mean() > 0
    blinking, _, _ = NODES["MimicaAnimate"]().run(face, 8.0, 10.0, blinks=True, blink_seed=1)
    assert (blinking - image).abs().amax() > 0


def test_animate_by_a_script(face: Any) -> None:
    frames, _, _ = NODES["MimicaAnimate"]().run(face, 2.5, 10.0, script="happy over 0.5s\nhold 0.5s")
    assert len(frames) >= 10 and (frames[-1] - frames[0]).abs().amax() > 0
    with pytest.raises(ValueRangeError, match="not both"):
        NODES["MimicaAnimate"]().run(face, 2.5, 10.0, script="hold 1s", expression=expression())


def test_drive_follows_the_driver(face: Any, image: Any) -> None:
    levels = np.concatenate([np.full(6, 0.2), np.linspace(0.2, 0.8, 6)])
    driver = torch.from_numpy(np.ones((12, 64, 64, 3), np.float32) * levels[:, None, None, None].astype(np.float32))
    frames, fps, _ = NODES["MimicaDrive"]().run(face, driver, 25.0)
    assert len(frames) == 12 and fps == 25.0
    assert (frames[11] - image[0]).abs().mean() > (frames[2] - image[0]).abs().mean() + 1e-4


def test_read_gives_json_and_an_expression(image: Any, face: Any) -> None:
    text, shown, plot = NODES["MimicaRead"]().run(image)
    assert json.loads(text)[0]["action_units"]["AU12L"] == 0.25 and plot.ndim == 4
    picture, _, _ = NODES["MimicaApply"]().run(face, shown)
    assert torch.equal(picture, image)


def test_the_visible_mark(face: Any, astronaut: np.ndarray) -> None:
    picture, mask, _ = NODES["MimicaApply"]().run(face, expression(), visible_mark=True)
    assert np.array_equal(values.pictures(picture)[0], labelled(astronaut)) and not mask.any()


# --- the V3 shim ----------------------------------------------------------------------------------------------------


def _stand_in() -> ModuleType:
    """`comfy_api.latest` as documented, so far as the shim uses it; inputs and outputs keep what they are given."""

    def kind(name: str) -> Any:
        def given(*words: Any, **options: Any) -> Any:
            return SimpleNamespace(kind=name, id=words[0] if words else None, **options)

        return SimpleNamespace(Input=given, Output=given)

    io = SimpleNamespace(
        Custom=kind, ComfyNode=type("ComfyNode", (), {}), NodeOutput=lambda *parts: parts, Schema=SimpleNamespace,
        NumberDisplay=SimpleNamespace(slider="slider"),
        **{name.title(): kind(name.upper()) for name in ("image", "mask", "string", "float", "int", "boolean", "combo")},
    )  # fmt: skip
    latest = ModuleType("comfy_api.latest")
    latest.io, latest.ComfyExtension = io, type("ComfyExtension", (), {})  # type: ignore[attr-defined]
    return latest


def test_the_v3_shim_tells_what_v1_tells(monkeypatch: pytest.MonkeyPatch, image: Any) -> None:
    monkeypatch.setitem(sys.modules, "comfy_api", ModuleType("comfy_api"))
    monkeypatch.setitem(sys.modules, "comfy_api.latest", _stand_in())
    module = load("mimica_comfyui_v3")
    assert module.__all__ == ["comfy_entrypoint"]
    found = asyncio.run(asyncio.run(module.comfy_entrypoint()).get_node_list())
    assert [node.__name__ for node in found] == list(NODES)
    for node in found:
        schema, v1 = node.define_schema(), NODES[node.__name__]
        parts = v1.INPUT_TYPES()
        given = {**parts.get("required", {}), **parts.get("optional", {})}
        assert [one.id for one in schema.inputs] == list(given)
        for one in schema.inputs:
            expected = given[one.id][0]
            assert one.kind == ("COMBO" if isinstance(expected, list) else expected)
            assert one.optional == (one.id in parts.get("optional", {}))
        assert [one.kind for one in schema.outputs] == list(v1.RETURN_TYPES)
        assert schema.node_id == node.__name__ and schema.description
    load_face = next(node for node in found if node.__name__ == "MimicaLoadFace")
    assert load_face.execute(image=image, face="1", engine="ganimation")[3] == ""


# --- the example workflows ------------------------------------------------------------------------------------------


def sockets(node: dict[str, Any]) -> tuple[dict[str, str], list[str], list[tuple[str, Any, dict[str, Any]]]]:
    """A node's inputs by wire, its outputs, its widgets, as its schema has them."""
    if node["type"] in CORE:
        inputs, outputs, count = CORE[node["type"]]
        return inputs, outputs, [("", None, {})] * count
    given = NODES[node["type"]].INPUT_TYPES()
    every = {**given.get("required", {}), **given.get("optional", {})}
    widgets = [(n, kind, about) for n, (kind, about) in every.items() if isinstance(kind, list) or kind in WIDGETS]
    return (
        {n: kind for n, (kind, _) in every.items() if not isinstance(kind, list)},
        list(NODES[node["type"]].RETURN_TYPES),
        widgets,
    )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_fit_the_schemas(path: Path) -> None:
    flow = json.loads(path.read_text())
    nodes = {node["id"]: node for node in flow["nodes"]}
    assert flow["version"] == 0.4 and flow["last_node_id"] == max(nodes) and flow["last_link_id"] == len(flow["links"])
    for node in nodes.values():
        inputs, outputs, widgets = sockets(node)
        assert [one["type"] for one in node["outputs"]] == outputs
        assert all(inputs[one["name"]] == one["type"] for one in node["inputs"])
        assert len(node["widgets_values"]) == len(widgets)
        for value, (name, kind, about) in zip(node["widgets_values"], widgets, strict=True):
            assert not isinstance(kind, list) or value in kind, f"{name}: {value}"
            assert kind not in ("FLOAT", "INT") or about["min"] <= value <= about["max"], f"{name}: {value}"
    for number, start, out, end, into, kind in flow["links"]:
        assert number in nodes[start]["outputs"][out]["links"] and nodes[end]["inputs"][into]["link"] == number
        assert nodes[start]["outputs"][out]["type"] == kind and nodes[end]["inputs"][into]["type"] in (kind, "*")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run(path: Path, image: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = BrightMouth()
    engine.controls = (*engine.controls, "smile", "age")
    engine.attributes = ("smile", "age")  # type: ignore[attr-defined]
    monkeypatch.setattr(BrightMouth, "render", _render(BrightMouth.render))
    monkeypatch.setattr(api, "load_engine", lambda name, weights: engine if name == "vae" else BrightMouth())
    flow = json.loads(path.read_text())
    small = torch.ones(6, 32, 32, 3) * torch.linspace(0.2, 0.6, 6)[:, None, None, None]
    made: dict[int, tuple] = {}
    links = {number: (start, out) for number, start, out, *_ in flow["links"]}
    for node in sorted(flow["nodes"], key=lambda one: one["order"]):
        wired = {one["name"]: made[links[one["link"]][0]][links[one["link"]][1]] for one in node["inputs"] if one["link"]}
        if node["type"] in CORE:
            made[node["id"]] = {"LoadImage": (image, None), "GetVideoComponents": (small, None, 25.0)}.get(node["type"], (wired,))
            continue
        _, _, widgets = sockets(node)
        set_ = {name: value for value, (name, _, _) in zip(node["widgets_values"], widgets, strict=True)}
        made[node["id"]] = NODES[node["type"]]().run(**{**set_, **wired})
    pictures = [made[node["id"]][0]["images"] for node in flow["nodes"] if "images" in (CORE.get(node["type"]) or ({},))[0]]
    assert pictures and all(one.ndim == 4 for one in pictures)


def _render(original: Any) -> Any:
    """The stand-in engine, deaf to attributes."""

    def render(self: BrightMouth, state: Any, given: dict[str, float], *, layers: bool = False) -> Any:
        known = {name: value for name, value in given.items() if name.startswith("AU")}
        controls, self.controls = self.controls, ("AU12L", "AU12R", "AU45L", "AU45R")
        try:
            return original(self, state, known, layers=layers)
        finally:
            self.controls = controls

    return render
