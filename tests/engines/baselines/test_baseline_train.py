"""Every baseline trains, resumes bit for bit and edits, through the commands that all trainings share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from emotion_sketches import tiny_weights, write_emotions

from mimica.cli.train import find_task
from mimica.config import choose
from mimica.data.dataset import is_kept_for_judging, is_validation
from mimica.engines.base import load_engine
from mimica.engines.baselines.cyclegan import Pool
from mimica.engines.baselines.domains import DomainSource
from mimica.engines.baselines.edit import nearest_domain
from mimica.errors import DataError, WeightsError
from mimica.facs import SIDED_AU_NAMES, emotion_controls, to_vector
from mimica.model_files.checkpoint import load_weights
from mimica.training.batches import Draw
from mimica.training.loop import Trainer
from mimica.training.run_folder import read_log

BASELINES = ("stargan", "cyclegan", "diat", "icgan")
PAIR = ["domains=neutral,happiness"]
CALM = ["accelerator=cpu", "sample_every=0", "log_every=1"]


def options_of(name: str, *words: str) -> tuple[Any, Any]:
    kind, preset = find_task(name, "smoke")
    pair = PAIR if name in ("cyclegan", "diat") else []
    return kind, choose(kind.options_type, kind.presets, preset, [*CALM, *pair, *words])


def train(name: str, data: Path, folder: Path, *words: str) -> Trainer:
    kind, options = options_of(name, *words)
    trainer = Trainer(kind(options, data), folder, say=lambda _: None)
    trainer.run()
    return trainer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_emotions(tmp_path_factory.mktemp("sketches") / "data")


@pytest.mark.parametrize("name", BASELINES)
def test_smoke_trains_resumes_bit_for_bit_and_edits(name: str, data: Path, tmp_path: Path, astronaut: np.ndarray) -> None:
    whole = train(name, data, tmp_path / "whole", "steps=8", "sample_every=8")
    kind, options = options_of(name, "steps=8", "sample_every=8")
    resumed = Trainer(kind(options, data), tmp_path / "again", say=lambda _: None)
    half = Trainer(kind(options, data), tmp_path / "again", say=lambda _: None)
    half._should_stop = lambda: half.step == 4  # type: ignore[method-assign]
    half.run()
    resumed.run()
    assert resumed.step == 8
    for module, other in zip(whole.parts.modules.values(), resumed.parts.modules.values(), strict=True):
        for one, two in zip(module.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(one, two)
    assert list((tmp_path / "whole" / "samples").glob("*.jpg"))
    engine = load_engine(name, tmp_path / "whole" / "weights" / "generator.safetensors")
    from mimica import edit

    edited = edit(astronaut, "happiness", engine=engine).image
    assert edited.shape == astronaut.shape and (edited != astronaut).any()


@pytest.mark.parametrize("name", BASELINES)
def test_every_network_learns(name: str, data: Path, tmp_path: Path) -> None:
    kind, options = options_of(name, "steps=10")
    trainer = Trainer(kind(options, data), tmp_path / "run", say=lambda _: None)
    trainer.prepare()
    before = {n: [p.detach().clone() for p in m.parameters()] for n, m in trainer.parts.modules.items()}
    trainer.run()
    for module, old in before.items():
        new = list(trainer.parts.modules[module].parameters())
        assert not old or any(not torch.equal(a, b) for a, b in zip(old, new, strict=True)), module


@pytest.mark.parametrize("name", ["stargan", "cyclegan", "diat"])
def test_a_generator_learns_to_copy_and_others_start_from_it(name: str, data: Path, tmp_path: Path) -> None:
    train(name, data, tmp_path / "copies", "steps=80", "copying=true", "learning_rate=0.002", "width=8", "ema=0")
    copied = [row["generator_copy"] for row in read_log(tmp_path / "copies")]
    assert np.mean(copied[-5:]) < 0.7 * np.mean(copied[:5])
    start = tmp_path / "copies" / "weights" / "generator.safetensors"
    kind, options = options_of(name, f"start={start}", "width=8")
    parts = kind(options, data).build(options)
    stored = load_weights(start, kind.kind).tensors
    module = "there" if name == "cyclegan" else "generator"
    assert all(
        np.array_equal(tensor.detach(), stored[f"{module}.{key}"]) for key, tensor in parts.modules[module].state_dict().items()
    )
    wider = options_of(name, f"start={start}", "width=4")[1]
    with pytest.raises(WeightsError, match="does not fit"):
        kind(wider, data).build(wider)


def test_stargan_tells_the_sketches_apart(data: Path, tmp_path: Path) -> None:
    """50 steps: the critic's classification of photos is much better than chance, log 3 = 1.1."""
    words = ("steps=50", "decay_from=1", "learning_rate=1e-3", "class_weight=10", "critic_steps=100", "width=8", "batch_size=8")
    train("stargan", data, tmp_path / "run", *words)
    last = [row["critic_class"] for row in read_log(tmp_path / "run")[-10:]]
    print(last)
    assert np.mean(last) < 0.5


def test_stargan_joins_two_sets_of_labels(data: Path, tmp_path: Path, astronaut: np.ndarray) -> None:
    trainer = train("stargan", data, tmp_path / "run", "labels=emotions+units", "steps=5")
    source = trainer.task.source()
    assert len(source) > sum(emotion != "" for emotion in source.faces.emotions) > 0  # type: ignore[attr-defined]
    groups = source.batch([Draw(i, i) for i in range(40)])["group"]
    assert 5 < groups.sum() < 35
    stem = trainer.parts.modules["generator"].state_dict()["stem.0.weight"]
    assert stem.shape[1] == 3 + 3 + 2 + 2
    engine = load_engine("stargan", tmp_path / "run" / "weights" / "generator.safetensors")
    assert engine.domains == ("neutral", "happiness", "sadness")  # type: ignore[attr-defined]


def test_faces_are_drawn_evenly_over_the_domains(data: Path) -> None:
    kind, options = options_of("stargan", "labels=emotions")
    task = kind(options, data)
    batch = task.source().batch([Draw(i, i) for i in range(60)])
    assert np.bincount(batch["domain"]).tolist() == [20, 20, 20]
    assert (batch["domain"] != batch["target"]).all()


def test_a_pair_source_takes_each_picture_from_its_heap(data: Path) -> None:
    _, options = options_of("cyclegan", "flip=no")
    kind, _ = options_of("cyclegan")
    source = kind(options, data).source()
    assert isinstance(source, DomainSource)
    batch = source.batch([Draw(i, i) for i in range(10)])
    happy = [source.faces.images([int(i)], 64)[0] for i in source.members[1]]
    assert all(any(np.array_equal(other, face) for face in happy) for other in batch["other"])
    assert not any(np.array_equal(image, face) for image in batch["image"] for face in happy)


def test_the_race_keeps_people_for_the_classifier(data: Path) -> None:
    kind, options = options_of("stargan", "people=race")
    everybody = kind(replace(options, people="all"), data).source()
    some = kind(options, data).source()
    assert not any(is_kept_for_judging(s) or is_validation(s) for s in some.faces.subjects)
    assert any(is_kept_for_judging(s) for s in everybody.faces.subjects)


def test_pairs_and_domains_are_checked(data: Path) -> None:
    for name, words, sentence in (
        ("diat", ["domains=neutral,happiness,sadness"], "one pair"),
        ("stargan", ["domains=neutral,hapiness"], "hapiness"),
        ("stargan", ["domains=neutral,fear"], "no face whose emotion is 'fear'"),
    ):
        kind, options = options_of(name, *words)
        with pytest.raises(DataError, match=sentence):
            kind(options, data).source()


def test_the_pool_gives_older_pictures_and_keeps_new_ones() -> None:
    torch.manual_seed(0)
    pool, empty = Pool(2, 4), Pool(0, 4)
    pictures = [torch.full((1, 3, 4, 4), float(i)) for i in range(12)]
    shown = [float(pool.exchange(0, picture)[0, 0, 0, 0]) for picture in pictures]
    assert shown[:2] == [0.0, 1.0] and shown != list(range(12)) and all(s <= i for i, s in enumerate(shown))
    assert int(pool.filled[1]) == 0
    assert torch.equal(empty.exchange(1, pictures[3]), pictures[3])


def test_a_step_leads_to_the_domain_in_its_direction() -> None:
    own = to_vector(emotion_controls("neutral"), SIDED_AU_NAMES)
    domains = ("neutral", "happiness", "anger")
    for share in (1.0, 0.5):
        wanted = to_vector(emotion_controls("anger", share), SIDED_AU_NAMES)
        assert nearest_domain(own, wanted, domains) == ("anger", pytest.approx(share))
    assert nearest_domain(own, own, domains) == ("", 0.0)
    happy = to_vector(emotion_controls("happiness"), SIDED_AU_NAMES)
    assert nearest_domain(happy, own, domains) == ("neutral", pytest.approx(1.0))
    assert nearest_domain(happy, own, ("happiness", "anger"))[0] == "", "no domain lies that way"


def test_engines_without_weights_say_how_to_get_some(tmp_path: Path) -> None:
    for name in BASELINES:
        with pytest.raises(WeightsError, match=f"mimica train {name}"):
            load_engine(name)
    with pytest.raises(WeightsError, match="no weights of diat"):
        load_engine("diat", tmp_path)
    file = tiny_weights("stargan", tmp_path)
    with pytest.raises(WeightsError, match="needed here"):
        load_engine("icgan", file)
    assert load_weights(file, "stargan-generator").config["units"] == 0


def test_a_folder_of_pairs_is_one_engine(tmp_path: Path) -> None:
    engine = load_engine("diat", tiny_weights("diat", tmp_path))
    assert engine.domains == ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")  # type: ignore[attr-defined]
