"""The engine with a tiny network: its contract where attributes come in, its masks, its detail; torch and ONNX agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from bright_mouth import ASTRONAUT, reading

from mimica import api
from mimica.animation import Prepared, own_controls, prepare, render_face, render_frame
from mimica.engines.base import attributes_of, load_engine
from mimica.engines.vae.codec import Codec, load_engine_file
from mimica.engines.vae.edit import UNIT_GAIN, VaeEngine, load_vae
from mimica.engines.vae.networks import TwoDecoderVae
from mimica.engines.vae.sheets import heat_map, interpolation, over_photo, reconstructions, samples, spectrum
from mimica.errors import ValueRangeError, WeightsError
from mimica.motion.expression import parse_attributes


@pytest.fixture
def engine(tiny_weights: Path) -> VaeEngine:
    return load_vae(tiny_weights)


@pytest.fixture
def prepared(engine: VaeEngine, astronaut: np.ndarray) -> Prepared:
    return prepare(astronaut, [reading(ASTRONAUT)], engine)


def test_onnx_is_torch(tiny_network: TwoDecoderVae, tiny_weights: Path):
    """To 1e-4 where the weights are exact as float16."""
    file, _ = load_engine_file(tiny_weights)
    codec = Codec(file)
    halved = TwoDecoderVae(tiny_network.shape).eval()
    halved.load_state_dict(tiny_network.state_dict())
    rng = np.random.default_rng(0)
    pictures, z = rng.integers(0, 256, (3, 16, 16, 3), np.uint8), rng.standard_normal((3, 6)).astype(np.float32)
    with torch.no_grad():
        for parameter in halved.parameters():
            if parameter.numel() >= 1024:
                parameter.copy_(parameter.half().float())
        mean = halved.encode(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1).mean
        decoded = halved.decode(torch.from_numpy(z))
    assert np.allclose(codec.encode(pictures), mean.numpy(), atol=1e-4)
    image, mask = codec.decode(z)
    assert np.allclose(image / 127.5 - 1, decoded.image.permute(0, 2, 3, 1).numpy(), atol=1e-4)
    assert np.allclose(mask, decoded.mask_logits.sigmoid()[:, 0].numpy(), atol=1e-4)


def test_attributes_are_controls_that_the_photo_has_none_of(engine: VaeEngine, prepared: Prepared):
    assert attributes_of(engine) == ("smile", "age") == engine.controls[-2:]
    face = prepared.faces[0].face
    assert face.controls["smile"] == face.controls["age"] == 0
    assert np.array_equal(render_frame(prepared, [{"smile": 0.0}]), prepared.photo)
    assert np.array_equal(render_frame(prepared, [own_controls(reading())]), prepared.photo)


def test_a_dose_changes_the_head_and_nothing_else(prepared: Prepared):
    frame = render_frame(prepared, [{"smile": 2.0}])
    rendered = render_face(prepared, 0, {"smile": 2.0})
    assert rendered.mask.max() > 0.3 and not np.array_equal(frame, prepared.photo)
    assert not rendered.mask[[0, -1]].any() and not rendered.mask[:, [0, -1]].any()
    assert not np.array_equal(render_frame(prepared, [{"smile": -2.0}]), frame)


def test_units_and_doses_add_up_in_the_latent(engine: VaeEngine, prepared: Prepared):
    """z + unit steps + doses, by hand."""
    state = prepared.faces[0].state
    own = state.face.controls
    v = engine.vectors
    step = UNIT_GAIN * 0.5 * v.units[engine.controls.index("AU26L")] + 2.0 * v.of("smile") - 1.0 * v.of("age")
    change = {"AU26L": own["AU26L"] + 0.5, "smile": 2.0, "age": -1.0}
    steps = engine._steps(state, change)
    assert np.allclose(steps.moves + steps.tints, step, atol=1e-5)
    engine.plain = True
    assert np.allclose(engine._steps(state, {"age": 1.0}).tints, v.plain[1], atol=1e-6)


def test_detail_keeps_the_photos_fine_lines(engine: VaeEngine, prepared: Prepared):
    """The tiny network knows nothing of the photo, so its own picture is far off; with detail the photo stays near."""
    state, crop = prepared.faces[0].state, prepared.faces[0].face.image.astype(int)
    fine = np.abs(over_photo(state.face.image, engine.render(state, {"smile": 0.3})).astype(int) - crop).mean()
    engine.detail = False
    coarse = np.abs(over_photo(state.face.image, engine.render(state, {"smile": 0.3})).astype(int) - crop).mean()
    assert 0 < fine < 0.5 * coarse


@pytest.mark.parametrize("values", [{"smile": 4.1}, {"smile": float("nan")}, {"grin": 1.0}, {"AU12L": -0.1}])
def test_illegal_values(engine: VaeEngine, prepared: Prepared, values: dict[str, float]):
    with pytest.raises(ValueRangeError):
        engine.render(prepared.faces[0].state, values)


def test_edit_takes_attributes(tiny_weights: Path, astronaut: np.ndarray):
    doses = api.edit(astronaut, attributes="smile=2,age=-1", engine="vae", weights=tiny_weights).image
    half = api.edit(astronaut, attributes={"smile": 4, "age": -2}, intensity=0.5, engine="vae", weights=tiny_weights).image
    with_expression = api.edit(astronaut, "happy", attributes={"smile": 2}, engine="vae", weights=tiny_weights).image
    assert np.array_equal(doses, half) and not np.array_equal(doses, astronaut)
    assert not np.array_equal(with_expression, doses)
    none = api.edit(astronaut, attributes={"smile": 0}, engine="vae", weights=tiny_weights).image
    assert np.array_equal(none, astronaut)


def test_edit_refuses_attributes_that_there_are_not(tiny_weights: Path, astronaut: np.ndarray):
    with pytest.raises(ValueRangeError, match="did you mean 'smile'"):
        api.edit(astronaut, attributes="smiles=1", engine="vae", weights=tiny_weights)
    with pytest.raises(ValueRangeError, match="-4 to 4"):
        api.edit(astronaut, attributes="smile=5", engine="vae", weights=tiny_weights)
    with pytest.raises(ValueRangeError, match=r"no attribute 'smile'.*--engine vae"):
        api.edit(astronaut, attributes="smile=1")


def test_parsing_doses():
    assert parse_attributes("smile=1.5, age=-1,smile=0.5") == {"smile": 2.0, "age": -1.0}
    assert parse_attributes(None) == {} and parse_attributes({"age": 1}) == {"age": 1.0}
    for wrong in ("smile", "smile=", "=1", "smile=much", "smile=inf", ""):
        with pytest.raises(ValueRangeError, match="--attribute cannot read"):
            parse_attributes(wrong)


def test_files_that_are_none_of_the_vaes(tmp_path: Path):
    with pytest.raises(WeightsError, match="no model file"):
        load_engine("vae", tmp_path / "nothing.safetensors")
    shipped = Path(api.__file__).parent / "weights" / "predictor.safetensors"
    with pytest.raises(WeightsError):
        load_engine("vae", shipped)


def test_sheets(engine: VaeEngine, prepared: Prepared):
    state = prepared.faces[0].state
    strip = spectrum(engine, state, ["smile"], doses=(-1.0, 0.0, 1.0), cell=40)
    assert strip.shape[1] == 5 * 46 + 6
    pictures = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    four = reconstructions(engine.codec, pictures, np.zeros((5, 16, 16), np.uint8), cell=20)
    assert four.shape[1] == 8 * 26 + 6, "two faces a row"
    assert np.array_equal(samples(engine, 4, seed=1), samples(engine, 4, seed=1))
    assert not np.array_equal(samples(engine, 4, seed=1), samples(engine, 4, seed=2))
    assert not np.array_equal(samples(engine, 2, seed=1), samples(engine, 2, seed=1, enhance=True))
    assert interpolation(engine.codec, pictures[0], pictures[1], steps=3, cell=30).shape[1] == 5 * 36 + 6
    assert heat_map(engine.vectors).dtype == np.uint8
