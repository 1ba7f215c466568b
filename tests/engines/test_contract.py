"""What every registered engine must do (`mimica.engines.base`), with every kind of weights that it loads. An engine is skipped
only while its weights are not there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from bright_mouth import ASTRONAUT, reading
from emotion_sketches import tiny_weights

import mimica
from mimica.animation import Prepared, own_controls, prepare, render_face, render_frame
from mimica.engines.base import REGISTRY, Engine, load_engine
from mimica.errors import ValueRangeError, WeightsError
from mimica.facs import AU_NAMES, EMOTIONS, emotion_controls
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights

VIEWS = ("as it is", "turned", "large", "small")


UNTRAINED = "paper"
"""The kind of weights that is made here, at random."""


def _shipped(_: Path) -> None:
    """What an engine loads by itself."""


def _second_set(_: Path) -> Path:
    return Path("ccby")


def _paper(folder: Path) -> Path:
    """The paper's generator, tiny and untrained, as `mimica train ganimation --preset paper` writes it."""
    import torch

    from mimica.engines.ganimation.paper.networks import GENERATOR_KIND, Generator

    torch.manual_seed(0)
    net = Generator(len(AU_NAMES), 8, 1)
    with torch.no_grad():
        net.attention.weight.normal_(0, 0.3)
        net.color.weight.normal_(0, 0.3)
    config = {"image_size": 64, "width": 8, "blocks": 1}
    save_weights(folder / "generator.safetensors", Weights(GENERATOR_KIND, 1, AU_NAMES, config, module_tensors(net)))
    return folder / "generator.safetensors"


def _beside(*names: str) -> Callable[[Path], Path]:
    """The shipped StyleGAN generator in a folder of its own, with these files beside it."""

    def copy(folder: Path) -> Path:
        shipped = Path(mimica.__file__).parent / "weights"
        for ours, name in {"": "generator", "_encoder": "encoder", **{f"_{name}": name.split("_")[0] for name in names}}.items():
            if not (shipped / f"stylegan{ours}.safetensors").is_file():
                raise WeightsError(f"stylegan{ours}.safetensors does not ship")
            shutil.copy(shipped / f"stylegan{ours}.safetensors", folder / f"{name}.safetensors")
        return folder / "generator.safetensors"

    return copy


KINDS: dict[str, dict[str, Callable[[Path], Path | None]]] = {
    "ganimation": {"fast": _shipped, "ccby": _second_set, UNTRAINED: _paper},
    "vae": {"shipped": _shipped},
    "stylegan": {"shipped": _shipped, "directions alone": _beside("directions")},
    **{name: {UNTRAINED: partial(tiny_weights, name)} for name in ("stargan", "cyclegan", "diat", "icgan")},
}


def test_every_engine_has_its_kinds_of_weights() -> None:
    assert KINDS.keys() == REGISTRY.keys()


@pytest.fixture(scope="module", params=[(name, kind) for name, kinds in KINDS.items() for kind in kinds], ids="-".join)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    name, kind = request.param
    try:
        return load_engine(name, KINDS[name][kind](tmp_path_factory.mktemp("weights")))
    except (WeightsError, ModuleNotFoundError) as error:
        pytest.skip(str(error))


def _is_untrained(engine: Engine) -> bool:
    return engine.name == "ganimation" and engine.image_size == 64


def _view(photo: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The photo turned by 30 degrees, three times as large, or half as large, with its landmarks."""
    angle, scale = {"as it is": (0, 1.0), "turned": (30, 1.0), "large": (0, 3.0), "small": (0, 0.6)}[name]
    side = round(photo.shape[0] * scale)
    matrix = cv2.getRotationMatrix2D((223 * scale, 126 * scale), angle, 1.0) @ np.diag([scale, scale, 1.0])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    turned = cv2.warpAffine(photo, matrix, (side, side), flags=method, borderMode=cv2.BORDER_REPLICATE)
    return turned, (ASTRONAUT @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


@pytest.fixture(scope="module")
def prepared(engine: Engine, astronaut: np.ndarray) -> dict[str, Prepared]:
    views = {name: _view(astronaut, name) for name in VIEWS}
    return {name: prepare(photo, [reading(landmarks)], engine) for name, (photo, landmarks) in views.items()}


@pytest.fixture(params=VIEWS)
def view(request: pytest.FixtureRequest, prepared: dict[str, Prepared]) -> Prepared:
    return prepared[request.param]


def test_names_and_controls(engine: Engine) -> None:
    assert isinstance(engine, Engine) and engine.name in REGISTRY
    assert len(set(engine.controls)) == len(engine.controls) > 0 and engine.image_size > 0
    assert engine.crop in ("tight", "ffhq", "window")


def test_the_photos_own_values_give_the_photo_back_bit_for_bit(engine: Engine, view: Prepared) -> None:
    face = view.faces[0].face
    rendered = engine.render(view.faces[0].state, dict(face.controls))
    assert np.array_equal(rendered.image, face.image)
    assert np.array_equal(engine.render(view.faces[0].state, {}).image, face.image), "left out: the photo's own values"
    assert np.array_equal(render_frame(view, [own_controls(reading())]), view.photo)


def test_shapes_ranges_and_borders(view: Prepared) -> None:
    height, width = view.faces[0].face.image.shape[:2]
    rendered = render_face(view, 0, emotion_controls("surprise"))
    assert rendered.image.dtype == np.uint8 and rendered.image.shape == (height, width, 3)
    assert rendered.mask.dtype == np.float32 and rendered.mask.shape == (height, width)
    assert rendered.mask.min() >= 0 and rendered.mask.max() <= 1 and rendered.mask.max() > 0.5
    edge = np.concatenate([rendered.mask[[0, -1]].ravel(), rendered.mask[:, [0, -1]].ravel()])
    assert not edge.any(), "the mask is 0 at the border"
    assert rendered.layers == {}


def test_layers_on_request(view: Prepared) -> None:
    rendered = render_face(view, 0, emotion_controls("happiness"), layers=True)
    assert rendered.layers
    for name, layer in rendered.layers.items():
        assert layer.shape[:2] == rendered.mask.shape and np.isfinite(layer).all(), name
        assert name == "flow" or (layer.min() >= 0 and layer.max() <= 1), name
    plain = render_face(view, 0, emotion_controls("happiness"))
    assert np.array_equal(plain.image, rendered.image) and np.array_equal(plain.mask, rendered.mask)


@pytest.mark.parametrize("emotion", [name for name in EMOTIONS if name != "neutral"])
def test_an_expression_shows_and_what_lies_around_stays(view: Prepared, emotion: str) -> None:
    frame = render_frame(view, [emotion_controls(emotion)])
    change = np.abs(frame.astype(int) - view.photo).max(axis=2)
    points = view.faces[0].reading.landmarks_photo
    x0, y0, x1, y1 = (int(v) for v in (*points.min(axis=0), *points.max(axis=0)))
    reach = round(0.9 * (x1 - x0))
    assert change[y0:y1, x0:x1].max() > 10  # contempt is a small thing for a generator of 64 pixels
    outside = change.copy()
    outside[max(0, y0 - reach) : y1 + reach, max(0, x0 - reach) : x1 + reach] = 0
    assert not outside.any()


def test_render_is_deterministic_and_leaves_the_state_alone(engine: Engine, view: Prepared) -> None:
    state = view.faces[0].state
    happy = render_face(view, 0, emotion_controls("happiness"))
    render_face(view, 0, emotion_controls("anger"))
    again = render_face(view, 0, emotion_controls("happiness"))
    assert np.array_equal(happy.image, again.image) and np.array_equal(happy.mask, again.mask)
    anew = engine.render(engine.encode(view.faces[0].face), dict.fromkeys(engine.controls, 0.5))
    assert np.array_equal(anew.image, engine.render(state, dict.fromkeys(engine.controls, 0.5)).image)


def test_the_order_of_the_values_does_not_matter(engine: Engine, view: Prepared) -> None:
    values = {name: (i % 5) / 5 for i, name in enumerate(engine.controls)}
    backwards = dict(reversed(values.items()))
    state = view.faces[0].state
    assert np.array_equal(engine.render(state, values).image, engine.render(state, backwards).image)


def test_more_of_a_control_changes_more(engine: Engine, prepared: dict[str, Prepared]) -> None:
    if _is_untrained(engine):
        pytest.skip("random weights know nothing of more and less")
    view = prepared["as it is"]
    level = [np.abs(render_frame(view, [{"AU26": value}]).astype(int) - view.photo).sum() for value in (0.1, 0.4, 0.7, 1.0)]
    assert level[0] == 0 < level[1] < level[2] < level[3]


def test_illegal_values_are_refused(engine: Engine, prepared: dict[str, Prepared]) -> None:
    state = prepared["as it is"].faces[0].state
    for values in ({"AU99": 0.5}, {engine.controls[0]: 1.01}, {engine.controls[0]: -0.01}, {engine.controls[0]: float("nan")}):
        with pytest.raises(ValueRangeError):
            engine.render(state, values)


def test_an_engine_whose_package_is_missing_says_so() -> None:
    """In a process of its own: modules loaded a second time would be strangers to the other tests."""
    code = "import sys; sys.modules['torch'] = None; import mimica; mimica.load_engine('stylegan')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError" in ended.stderr and "'stylegan' needs the package 'torch'" in ended.stderr
