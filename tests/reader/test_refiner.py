"""The refiner: its patches, its export, its place in the reader, and a short training."""

import numpy as np
import pytest
import torch

from mimica.facs import SIDED_AU_NAMES
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights
from mimica.reader.data import CROP, ReaderData
from mimica.reader.export import export
from mimica.reader.networks import ReaderNet, to_input
from mimica.reader.outputs import DETAIL_SIZE, EYE_DISTANCE, INPUT_SIZE, LIPS, OUTPUT_SIZE, POINTS, SLICES
from mimica.reader.read import Reader, refiner_of
from mimica.reader.refiner import MOUTH_SHAPE, RefinerNet, bounded, eye_patch, mouth_corner, mouth_patch, points_in_crop
from mimica.reader.refiner_train import RefinerOptions, RefinerSource, RefinerTask
from mimica.training.loop import Trainer

TINY = {"width": 8, "depth": 1, "hidden": 16}


def outputs_with_lips_at(x: float, y: float) -> torch.Tensor:
    """First outputs (1, OUTPUT_SIZE) whose lips all lie at pixel (x, y) of the crop of DETAIL_SIZE."""
    first = torch.zeros(1, OUTPUT_SIZE)
    points = torch.zeros(1, POINTS, 2)
    points[:, LIPS] = (torch.tensor([x, y]) - DETAIL_SIZE / 2) / (EYE_DISTANCE * DETAIL_SIZE)
    first[:, SLICES["points"]] = points.flatten(1)
    return first


def corner_about(x: float, y: float) -> torch.Tensor:
    return mouth_corner(points_in_crop(outputs_with_lips_at(x, y)))


def coordinates() -> torch.Tensor:
    """(1, 1, S, S): each pixel's value tells its row and column, 1000 * row + column."""
    rows, columns = torch.meshgrid(torch.arange(DETAIL_SIZE), torch.arange(DETAIL_SIZE), indexing="ij")
    return (1000.0 * rows + columns)[None, None]


def test_the_mouth_patch_lies_about_the_lips():
    patch = mouth_patch(coordinates(), corner_about(78, 120))
    assert patch.shape == (1, 1, *MOUTH_SHAPE)
    assert patch[0, 0, 0, 0] == 1000 * (120 - 40) + 78 - 56
    assert patch[0, 0, 5, 7] == 1000 * (120 - 40 + 5) + 78 - 56 + 7


@pytest.mark.parametrize("x, y", [(-500, -500), (500, 500), (80, 159)])
def test_the_mouth_patch_stays_inside_and_repeats_the_last_row(x, y):
    patch = mouth_patch(coordinates(), corner_about(x, y))
    assert patch.min() >= 0 and patch.max() <= 1000 * (DETAIL_SIZE - 1) + DETAIL_SIZE - 1
    if y > 0:
        assert torch.equal(patch[0, 0, -1], patch[0, 0, -2]), "below the crop there is only its last row"


def test_the_eye_patch_holds_the_eyes():
    x, y = eye_patch(coordinates())[0, 0, 0, 0].item() % 1000, eye_patch(coordinates())[0, 0, 0, 0].item() // 1000
    eyes = np.array([[0.35, 0.42], [0.65, 0.42]]) * DETAIL_SIZE
    assert (eyes - [x, y] > 20).all() and (eyes - [x, y] < [92, 44]).all()


def test_an_untrained_refiner_changes_nothing():
    first = torch.randn(2, OUTPUT_SIZE)
    assert torch.equal(RefinerNet(**TINY).eval()(torch.randn(2, 1, DETAIL_SIZE, DETAIL_SIZE), first), first)


def test_features_of_the_first_outputs_are_bounded():
    first = torch.full((1, OUTPUT_SIZE), 50.0)
    features = bounded(first)
    assert features.shape == (1, OUTPUT_SIZE)
    assert features[:, SLICES["aus"]] == pytest.approx(torch.ones(1, len(SIDED_AU_NAMES)))
    assert features[:, SLICES["emotions"]].sum() == pytest.approx(1)


@pytest.fixture
def shipped_like(tmp_path):
    """A tiny reader.onnx with a refiner beside it, and the refiner's module."""
    torch.manual_seed(0)
    for kind, net, name in (
        ("reader", ReaderNet(**TINY), "reader.onnx"),
        ("reader-refiner", RefinerNet(**TINY), "reader_refiner.onnx"),
    ):
        torch.nn.init.normal_(net.head[-1].weight, std=0.1)
        save_weights(tmp_path / "net.safetensors", Weights(kind, 1, SIDED_AU_NAMES, TINY, module_tensors(net)))
        export(tmp_path / "net.safetensors", tmp_path / name)
    return tmp_path / "reader.onnx", net.eval()


def test_onnx_equals_torch(shipped_like):
    path, net = shipped_like
    gray = np.random.default_rng(0).integers(0, 256, (3, DETAIL_SIZE, DETAIL_SIZE), dtype=np.uint8)
    reader = Reader(path)
    first = Reader(path, refine=False).raw_aligned(gray)
    with torch.no_grad():
        expected = net(to_input(torch.from_numpy(gray)), torch.from_numpy(first)).numpy()
    assert np.abs(expected - first).max() > 0.01
    assert reader.raw_aligned(gray) == pytest.approx(expected, abs=5e-3)


def test_without_a_refiner_the_first_network_stands_alone(shipped_like):
    path, _ = shipped_like
    refiner_of(path).unlink()
    gray = np.zeros((1, DETAIL_SIZE, DETAIL_SIZE), np.uint8)
    assert Reader(path).raw_aligned(gray) == pytest.approx(Reader(path).raw(gray[:, :INPUT_SIZE, :INPUT_SIZE]), abs=1e-6)


def drawn_faces(count: int = 24) -> ReaderData:
    """Gray crops with one dark blob each, whose height is AU25 of both sides."""
    rng = np.random.default_rng(3)
    open_, gray = rng.uniform(0, 1, count), np.full((count, CROP, CROP), 160, np.uint8)
    aus = np.zeros((count, len(SIDED_AU_NAMES)), np.float32)
    for i, value in enumerate(open_):
        gray[i, 118 : 120 + int(22 * value), 60:100] = 20
        aus[i, [SIDED_AU_NAMES.index("AU25L"), SIDED_AU_NAMES.index("AU25R")]] = value
    return ReaderData(
        gray=gray,
        points=np.full((count, POINTS, 2), CROP / 2, np.float32),
        pose=np.zeros((count, 3), np.float32),
        aus=aus,
        emotion=np.full(count, -1),
        exact=np.ones(count, bool),
        human=np.zeros(count, bool),
        validation=np.zeros(count, bool),
    )


def test_training_lowers_the_action_unit_loss(shipped_like, tmp_path):
    path, _ = shipped_like
    options = RefinerOptions(
        steps=30, batch_size=8, first=path, hardness=0.0, log_every=10, sample_every=0, learning_rate=5e-3, ema=0.5, **TINY
    )
    task = RefinerTask(options, tmp_path)
    data = drawn_faces()
    task.__dict__["_training"] = RefinerSource(data, options, 0.0)
    seen = []
    trainer = Trainer(task, tmp_path / "run", say=seen.append)
    trainer.run()
    first, last = (float(line.split("aus ")[1].split()[0]) for line in (seen[0], seen[2]))
    assert last < 0.8 * first
    assert (tmp_path / "run" / "weights" / "refiner.safetensors").is_file()
