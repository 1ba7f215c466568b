"""The engine with a tiny random generator: no change is the photo, doses and angles add up, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bright_mouth import ASTRONAUT, reading

torch = pytest.importorskip("torch")

from test_codec import tiny_model  # noqa: E402

from mimica import api  # noqa: E402
from mimica.animation import Prepared, own_controls, prepare, render_face, render_frame  # noqa: E402
from mimica.engines.base import Engine, load_engine  # noqa: E402
from mimica.engines.stylegan.autoencoder import LatentEditor, PseudoAutoencoder, to_weights  # noqa: E402
from mimica.engines.stylegan.codec import Codec  # noqa: E402
from mimica.engines.stylegan.directions import Direction, save_directions  # noqa: E402
from mimica.engines.stylegan.edit import REACH, StyleganEngine  # noqa: E402
from mimica.engines.stylegan.encoder import ENCODER_KIND  # noqa: E402
from mimica.engines.stylegan.networks import GENERATOR_KIND  # noqa: E402
from mimica.errors import ValueRangeError, WeightsError  # noqa: E402
from mimica.facs import AU_NAMES, emotion_controls  # noqa: E402
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights  # noqa: E402


def _direction(name: str, column: str, generator: str, seed: int, per_dose: float) -> Direction:
    vector = np.random.default_rng(seed).standard_normal((1, 8))
    unit = (vector / np.linalg.norm(vector)).astype(np.float32)
    return Direction(name, column, unit, 1.0, 0.0, (0, 1, 2, 3), 10, generator, per_dose)


def _directions(generator: str) -> dict[str, Direction]:
    some = [("smile", "AU12", 1, 0.3), ("turn", "yaw", 2, 8.0), ("AU26", "AU26", 3, 0.25)]
    return {name: _direction(name, column, generator, seed, slope) for name, column, seed, slope in some}


def _autoencoder(form: str, units: tuple[str, ...] = AU_NAMES) -> tuple[PseudoAutoencoder, tuple[str, ...]]:
    torch.manual_seed(1)
    return PseudoAutoencoder(10, 8, len(units), form, hidden=16), units


def _editor(codec: Codec, form: str) -> LatentEditor:
    net, units = _autoencoder(form)
    return LatentEditor(to_weights(net, units, {"generator": codec.fingerprint, "binary": False}, {}), Path("x"))


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(tiny_model())


@pytest.fixture(scope="module", params=["residual", "direct", "directions only"])
def engine(request: pytest.FixtureRequest, codec: Codec) -> StyleganEngine:
    editor = None if request.param == "directions only" else _editor(codec, request.param)
    return StyleganEngine(codec, _directions(codec.fingerprint), editor)


@pytest.fixture
def view(engine: StyleganEngine, astronaut: np.ndarray) -> Prepared:
    return prepare(astronaut, [reading(ASTRONAUT)], engine)


def test_controls(engine: StyleganEngine) -> None:
    assert isinstance(engine, Engine) and len(set(engine.controls)) == len(engine.controls)
    if engine.editor:
        assert engine.units == AU_NAMES and engine.attributes == ("smile", "turn") and "yaw" in engine.controls
    else:
        assert engine.units == ("AU12", "AU26") and set(engine.controls) == {"AU12", "AU26", "yaw", "smile", "turn"}


@pytest.mark.parametrize("detail", [True, False])
def test_no_change_is_the_photo(view: Prepared, engine: StyleganEngine, detail: bool) -> None:
    engine.detail = detail
    try:
        face = view.faces[0].face
        assert np.array_equal(engine.render(view.faces[0].state, dict(face.controls)).image, face.image)
        assert np.array_equal(render_frame(view, [own_controls(reading())]), view.photo)
        nearly = {name: min(1.0, value + 1e-4) for name, value in face.controls.items() if name in engine.units}
        rendered = engine.render(view.faces[0].state, nearly)
        change = rendered.mask[..., None] * (rendered.image.astype(float) - face.image)
        assert np.abs(change).max() < 3, "it sets in softly"
    finally:
        engine.detail = True


def test_masks(view: Prepared, engine: StyleganEngine) -> None:
    rendered = render_face(view, 0, emotion_controls("surprise"), layers=True)
    assert rendered.mask.dtype == np.float32 and rendered.mask.min() >= 0 and rendered.mask.max() <= 1
    assert set(rendered.layers) == {"attention", "color"}
    edge = np.concatenate([rendered.mask[[0, -1]].ravel(), rendered.mask[:, [0, -1]].ravel()])
    assert not edge.any()
    assert not rendered.mask[:20].any(), "an expression changes the face, not what is above the head"
    assert render_face(view, 0, {"turn": 4.0}).mask[:120].any(), "a turn changes the whole head"


def test_doses_add_up_in_the_code(engine: StyleganEngine) -> None:
    code = np.random.default_rng(0).standard_normal((10, 8)).astype(np.float32)
    both = engine.edited(code, {"smile": 1.5, "turn": -1.0})
    wanted = code + engine.directions["smile"].step(1.5) + engine.directions["turn"].step(-1.0)
    assert np.allclose(both, wanted, atol=1e-6) and np.array_equal(both[4:], code[4:])
    yaw = engine.edited(code, {"yaw": 16.0})
    assert np.allclose(yaw, code + engine.directions["turn"].step(2.0), atol=1e-6), "16 degrees are 2 doses of 8"


def test_action_units_go_through_the_autoencoder_or_their_directions(engine: StyleganEngine) -> None:
    code = np.random.default_rng(0).standard_normal((10, 8)).astype(np.float32)
    got = engine.edited(code, {"AU12": 0.6})
    if engine.editor:
        change = np.zeros((1, len(engine.editor.units)))
        change[0, engine.editor.units.index("AU12")] = 0.6
        reach = REACH if engine.editor.net.form == "residual" else 1
        assert np.allclose(got - code, reach * (engine.editor.edit(code[None], change)[0] - code), atol=1e-5)
    else:
        assert np.allclose(got, code + engine.directions["smile"].step(2.0), atol=1e-6)


def test_the_eyes_follow_directions_of_gaze(codec: Codec) -> None:
    engine = StyleganEngine(codec, {"look_across": _direction("look_across", "gaze_x", codec.fingerprint, 4, 5.0)})
    assert engine.controls == ("gaze_x", "look_across") and engine.attributes == ("look_across",)
    code = np.zeros((10, 8), np.float32)
    assert np.allclose(engine.edited(code, {"gaze_x": 10.0}), engine.edited(code, {"look_across": 2.0}))


def test_poses_alone_are_drawn_by_an_engine_that_turns_no_heads(view: Prepared) -> None:
    own = own_controls(view.faces[0].reading)
    frame = render_frame(view, [{**own, "yaw": own["yaw"] + 20}])
    assert not np.array_equal(frame, view.photo), "its direction of yaw is used"


def test_illegal_values(view: Prepared, engine: StyleganEngine) -> None:
    state = view.faces[0].state
    for values in ({"AU99": 0.5}, {"AU12": 1.01}, {"AU12": float("nan")}, {"smile": 4.5}, {"yaw": 50.0}, {"smiel": 1.0}):
        with pytest.raises(ValueRangeError):
            engine.render(state, values)


def test_edit_and_animate(engine: StyleganEngine, astronaut: np.ndarray) -> None:
    edited = api.edit(astronaut, attributes="smile=2", engine=engine)
    half = api.edit(astronaut, attributes={"smile": 2.0}, intensity=0.5, engine=engine)
    same = api.edit(astronaut, attributes="smile=1", engine=engine)
    assert np.abs(edited.image.astype(int) - astronaut).max() > 5 and np.array_equal(half.image, same.image)
    animation = api.animate(astronaut, attributes="smile=2", engine=engine, fps=4)
    made = list(animation)
    assert len(made) == 10 and np.array_equal(made[0], astronaut) and np.array_equal(made[5], edited.image)
    with pytest.raises(ValueRangeError, match="did you mean 'smile'"):
        api.animate(astronaut, attributes="smiel=2", engine=engine)


def test_files_beside_the_generator(tmp_path: Path) -> None:
    model = tiny_model()
    codec = Codec(model)
    path = tmp_path / "generator.safetensors"
    for name, kind, net in (("generator", GENERATOR_KIND, model.generator), ("encoder", ENCODER_KIND, model.encoder)):
        assert net is not None
        save_weights(tmp_path / f"{name}.safetensors", Weights(kind, 1, (), net.config, module_tensors(net)))
    with pytest.raises(WeightsError, match=r"no directions\.safetensors"):
        load_engine("stylegan", path)
    directions = _directions(codec.fingerprint)
    save_directions(tmp_path / "directions.safetensors", list(directions.values()))
    assert load_engine("stylegan", path).controls[:2] == ("AU12", "AU26")
    net, units = _autoencoder("residual")
    config = {"generator": codec.fingerprint, "binary": False}
    save_weights(tmp_path / "autoencoder.safetensors", to_weights(net, units, config, {}))
    assert load_engine("stylegan", path).controls[:17] == AU_NAMES
    save_directions(tmp_path / "directions.safetensors", [replace(one, generator="other") for one in directions.values()])
    with pytest.raises(WeightsError, match="another generator"):
        load_engine("stylegan", path)


def test_published_directions_become_attributes(codec: Codec, tmp_path: Path) -> None:
    before = StyleganEngine(codec, _directions(codec.fingerprint))
    row = np.random.default_rng(5).standard_normal((1, 8)).astype(np.float32)
    np.save(tmp_path / "beard.npy", row)
    engine = before.with_directions(tmp_path / "beard.npy")
    assert set(engine.attributes) == {*before.attributes, "beard"} and "beard" not in before.controls
    code = np.zeros((10, 8), np.float32)
    assert np.allclose(engine.edited(code, {"beard": 2.0})[0], 2 * row, atol=1e-5)
    np.save(tmp_path / "other.npy", np.ones((1, 512), np.float32))
    with pytest.raises(WeightsError, match="another generator"):
        before.with_directions(tmp_path / "other.npy")


def test_directions_are_for_engines_with_a_latent_space(tmp_path: Path) -> None:
    from mimica.engines.base import load_with_directions

    with pytest.raises(ValueRangeError, match="--engine stylegan"):
        load_with_directions("ganimation", None, tmp_path / "a.npy")
