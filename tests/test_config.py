"""Typed options: presets, overrides, ranges, wrong names, files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.config import TrainingOptions, choose, describe, load_options, make, option, parse_overrides, save_options
from mimica.errors import DataError, ValueRangeError


@dataclass(frozen=True)
class Options(TrainingOptions):
    kind: Literal["thin", "thick"] = option("thin", "how thick")
    folder: Path | None = option(None, "where")
    sizes: tuple[int, ...] = option((1, 2), "how many")


PRESETS = {"small": {"batch_size": 2, "kind": "thick"}, "large": {"batch_size": 64}}


def test_a_preset_with_overrides() -> None:
    options = choose(Options, PRESETS, "small", ["seed=7", "ema=0", "sizes=3,4", "folder=a/b", "channels_last=no"])
    assert (options.batch_size, options.kind, options.seed, options.sizes) == (2, "thick", 7, (3, 4))
    assert options.folder == Path("a/b") and options.ema == 0.0 and options.channels_last is False
    assert choose(Options, PRESETS, "small", ["batch-size=5"]).batch_size == 5


@pytest.mark.parametrize(
    "word, words",
    [
        ("batchsize=3", "did you mean 'batch_size'"),
        ("batch_size=x", "takes a whole number"),
        ("batch_size=0", "must be 1 or more"),
        ("ema=1.5", "must be from 0 to 0.99999"),
        ("kind=thik", "one of thin, thick; did you mean"),
        ("channels_last=maybe", "yes or no"),
        ("minutes=nan", "must be 0 or more"),
        ("minutes=inf", "is infinite"),
        ("seed", "sets nothing"),
    ],
)
def test_wrong_overrides_are_explained(word: str, words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        choose(Options, PRESETS, "small", [word])


def test_wrong_presets_and_types_are_explained() -> None:
    with pytest.raises(ValueRangeError, match="did you mean 'large'"):
        choose(Options, PRESETS, "larg")
    with pytest.raises(ValueRangeError, match="type int"):
        make(Options, {"seed": True})


def test_every_option_has_help_and_is_printed() -> None:
    for name, field in {f.name: f for f in dataclasses.fields(Options)}.items():
        assert field.metadata["help"] and f"{name} = " in describe(Options())


@given(st.integers(1, 10**6), st.floats(0, 1e6), st.sampled_from(["thin", "thick"]), st.lists(st.integers(), max_size=4))
def test_saved_options_come_back(steps: int, minutes: float, kind: str, sizes: list[int]) -> None:
    import tempfile

    options = make(Options, {"steps": steps, "minutes": minutes, "kind": kind, "sizes": tuple(sizes), "folder": Path("x")})
    with tempfile.TemporaryDirectory() as folder:
        save_options(options, Path(folder) / "config.json")
        assert load_options(Options, Path(folder) / "config.json") == options
    words = [f"minutes={minutes!r}", f"sizes={','.join(map(str, sizes))}"]
    assert parse_overrides(Options, words) == {"minutes": minutes, "sizes": tuple(sizes)}


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("[]")
    with pytest.raises(DataError, match="not a table"):
        load_options(Options, tmp_path / "c.json")
    with pytest.raises(DataError, match="cannot be read"):
        load_options(Options, tmp_path / "none.json")


@dataclass(frozen=True)
class WithRate(TrainingOptions):
    learning_rate: float = option(0.1, "how fast")
    critic_rate: float = option(0.2, "an option of its own that is called like a former one")


def test_former_names_are_understood(tmp_path: Path) -> None:
    assert parse_overrides(WithRate, ["rate=0.5"]) == {"learning_rate": 0.5}
    assert make(WithRate, {"rate": 0.5, "critic_rate": 0.3}) == WithRate(learning_rate=0.5, critic_rate=0.3)
    (tmp_path / "config.json").write_text('{"rate": 0.25}')
    assert load_options(WithRate, tmp_path / "config.json").learning_rate == 0.25
    with pytest.raises(ValueRangeError, match="There is no option 'rate'"):
        make(Options, {"rate": 0.5})
