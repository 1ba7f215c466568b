"""Typed options: dataclasses whose fields carry their help, presets as rows of data, overrides by name.

An option is declared once, with its default, its help and its legal values:

    @dataclass(frozen=True)
    class ReaderOptions(TrainingOptions):
        width: int = option(32, "channels of the first layer", low=8)

`choose(ReaderOptions, PRESETS, "paper", ["width=48"])` gives the options of a preset with overrides from the command line,
`describe` prints them with their help, `save_options` and `load_options` keep them in a run folder. A preset is a row of
values that differ from the defaults; there is no second source of defaults.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from mimica.errors import DataError, ValueRangeError, nearest
from mimica.files import atomic_path

Options = TypeVar("Options")
Preset = Mapping[str, Any]


def option(default: Any, help: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field with its `help` and its legal range, both ends included (`Literal` types carry their own choices)."""
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "high": high})


@dataclass(frozen=True)
class TrainingOptions:
    """What every training has; `mimica.training.loop` reads these. An engine adds its own in a subclass."""

    may_change: ClassVar[frozenset[str]] = frozenset()
    """Options of its own that an engine lets a resumed run give anew."""

    steps: int = option(1000, "optimisation steps in all", low=1)
    minutes: float = option(0.0, "stop, with a checkpoint, after so many minutes of this run; 0: no limit", low=0)
    processor_minutes: float = option(
        0.0, "the same, counted in minutes of the processor, all threads together, so that other work does not count", low=0
    )
    batch_size: int = option(25, "samples a step, over all processes together", low=1)
    seed: int = option(0, "random seed: order of the data, augmentation, initial weights", low=0)
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "device type; auto takes a GPU where there is one")
    devices: int = option(1, "processes on this machine, one a device", low=1)
    nodes: int = option(1, "machines; start the same command on each (torchrun or Slurm)", low=1)
    precision: Literal["fp32", "bf16"] = option("fp32", "number format of the networks' passes (bf16 is autocast)")
    channels_last: bool = option(True, "keep pictures with the channels last in memory (faster convolutions)")
    compile: Literal["auto", "yes", "no"] = option("auto", "torch.compile for the networks; auto compiles on a GPU only")
    ema: float = option(
        0.999, "decay of the running mean of the weights, which is what gets exported; 0: none", low=0, high=0.99999
    )
    clip_gradients: float = option(0.0, "largest gradient norm of one update; 0: off", low=0)
    workers: int = option(0, "processes that prepare batches; 0: the training process does it", low=0)
    log_every: int = option(50, "steps between two rows of log.csv", low=1)
    sample_every: int = option(1000, "steps between two sample grids; 0: none", low=0)
    checkpoint_every: int = option(0, "steps between two checkpoints; 0: by the clock only", low=0)
    checkpoint_minutes: float = option(10.0, "minutes between two checkpoints; 0: by steps only", low=0)
    keep_checkpoints: int = option(2, "checkpoints kept, the newest ones", low=1)


FORMER_NAMES = {
    "rate": "learning_rate",
    "fit_rate": "fit_learning_rate",
    "critic_rate": "critic_learning_rate",
    "least_rate": "least_factor",
    "early_rate": "early_factor",
    "attention_price": "mouth_attention_weight",
    "eye_attention_price": "eye_attention_weight",
}
"""Option names of earlier versions, still understood in run folders and on the command line."""


def current_name(kind: type[Any], name: str) -> str:
    """What an option of `kind` is called now; any other name as it is."""
    fields, today = fields_of(kind), FORMER_NAMES.get(name, name)
    return today if name not in fields and today in fields else name


def fields_of(kind: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    """Option name -> dataclass field, in order of declaration."""
    return {field.name: field for field in dataclasses.fields(kind)}


def parse_value(name: str, text: str, hint: Any) -> Any:
    """Words of a command line -> a value of the type `hint`: int, float, bool, str, Path, Literal, X | None, tuple[X, ...]."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if text.lower() in ("none", "null"):
            return None
        return parse_value(name, text, next(kind for kind in inner if kind is not type(None)))
    if origin is tuple:
        return tuple(parse_value(name, part.strip(), inner[0]) for part in text.split(",") if part.strip())
    if origin is Literal:
        return text
    if hint is bool:
        words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
        if text.lower() not in words:
            raise ValueRangeError(f"The option '{name}' is a yes or no: give true or false, not '{text}'.")
        return words[text.lower()]
    try:
        return hint(text)
    except ValueError as error:
        kind = {int: "a whole number", float: "a number"}.get(hint, hint.__name__)
        raise ValueRangeError(f"The option '{name}' takes {kind}, not '{text}'.") from error


def _checked(name: str, value: Any, hint: Any, field: dataclasses.Field[Any]) -> Any:
    """`value` as the type `hint` asks, inside the option's range; raises `ValueRangeError` otherwise."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _checked(name, value, next(k for k in inner if k is not type(None)), field)
    if origin is Literal:
        if value not in inner:
            near = nearest(str(value), map(str, inner))
            raise ValueRangeError(
                f"The option '{name}' cannot be '{value}'; it is one of {', '.join(map(str, inner))}{near or '.'}"
            )
        return value
    if origin is tuple:
        return tuple(_checked(name, item, inner[0], field) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if hint is Path and isinstance(value, str):
        value = Path(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ValueRangeError(f"The option '{name}' takes a value of type {hint.__name__}, not {value!r}.")
    if value == float("inf"):
        raise ValueRangeError(f"The option '{name}' is infinite; it must be a number.")
    low, high = field.metadata.get("low"), field.metadata.get("high")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        legal = (
            f"from {low:g} to {high:g}"
            if low is not None and high is not None
            else f"{low:g} or more"
            if high is None
            else f"{high:g} or less"
        )
        raise ValueRangeError(f"The option '{name}' is {value:g}; it must be {legal}.")
    return value


def make(kind: type[Options], values: Mapping[str, Any]) -> Options:
    """Options of `kind` with `values` in place of defaults. Raises `ValueRangeError` for a name or a value that is not legal."""
    hints, fields = typing.get_type_hints(kind), fields_of(kind)
    values = {current_name(kind, name): value for name, value in values.items()}
    for name in values:
        if name not in fields:
            raise ValueRangeError(
                f"There is no option '{name}'{nearest(name, fields) or '.'} `--print-options` lists all {len(fields)} of them."
            )
    return kind(**{name: _checked(name, value, hints[name], fields[name]) for name, value in values.items()})


def parse_overrides(kind: type[Any], words: Iterable[str]) -> dict[str, Any]:
    """`["batch_size=8", "seed=3"]` -> `{"batch_size": 8, "seed": 3}`, typed as the options of `kind` are."""
    hints, values = typing.get_type_hints(kind), {}
    for word in words:
        name, equals, text = word.partition("=")
        name = current_name(kind, name.strip().replace("-", "_"))
        if not equals:
            raise ValueRangeError(f"'{word}' sets nothing: write --set name=value.")
        if name not in fields_of(kind):
            make(kind, {name: text})  # raises, with the nearest name
        values[name] = parse_value(name, text.strip(), hints[name])
    return values


def choose(kind: type[Options], presets: Mapping[str, Preset], preset: str, overrides: Iterable[str] = ()) -> Options:
    """The options of a `preset`, changed by command-line `overrides` (`name=value`)."""
    if preset not in presets:
        raise ValueRangeError(
            f"There is no preset '{preset}'{nearest(preset, presets) or ';'} the presets are {', '.join(presets)}."
        )
    return make(kind, {**presets[preset], **parse_overrides(kind, overrides)})


def to_dict(options: Any) -> dict[str, Any]:
    """Options -> plain values that JSON can hold."""
    plain = dataclasses.asdict(options)
    return {name: str(v) if isinstance(v, Path) else list(v) if isinstance(v, tuple) else v for name, v in plain.items()}


def describe(options: Any) -> str:
    """One line an option: name, value, help."""
    values, fields = to_dict(options), fields_of(type(options))
    width = max(len(f"{name} = {value}") for name, value in values.items())
    return "\n".join(f"{f'{name} = {value}':<{width}}  {fields[name].metadata.get('help', '')}" for name, value in values.items())


def save_options(options: Any, path: Path) -> None:
    """Write options as JSON."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(to_dict(options), indent=2) + "\n", encoding="utf-8")


def load_options(kind: type[Options], path: Path) -> Options:
    """Read what `save_options` wrote. Raises `DataError` where the file is not JSON, `ValueRangeError` for unknown options."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"The options in {path} cannot be read ({error}); it should be the JSON file of a run.") from error
    if not isinstance(values, dict):
        raise DataError(f"The options in {path} are not a table of names and values.")
    return make(kind, values)
