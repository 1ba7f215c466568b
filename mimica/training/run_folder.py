"""A run folder that reads like a lab notebook.

run.md          the story: command line, revision, machine, every start, stop, resume and warning, the final figures
config.json     the options, all of them
log.csv         step, seconds, and the means of the logged scalars since the row before
tensorboard/    the same scalars for TensorBoard
samples/        grids of the same few samples as training goes on, named by step
checkpoints/    what resuming needs, newest last
weights/        the exported models (safetensors), overwritten at every checkpoint
"""

from __future__ import annotations

import csv
import datetime
import os
import platform
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimica import __version__
from mimica.config import TrainingOptions, describe, load_options, save_options, to_dict
from mimica.errors import DataError, UserError, WeightsError, shown
from mimica.files import atomic_path, refusal, writing
from mimica.foreign.budget import RefusedError
from mimica.foreign.torch_file import read_torch_file, with_arrays
from mimica.jobs.lock import INSIDE, Lock
from mimica.model_files.checkpoint import Weights, misfits, save_weights
from mimica.pictures.images import write_image

MAY_CHANGE = frozenset(
    {"steps", "minutes", "processor_minutes", "accelerator", "devices", "nodes", "workers", "compile", "log_every"}
    | {"sample_every", "checkpoint_every", "checkpoint_minutes", "keep_checkpoints"}
)
"""Options that a resumed run may give anew."""


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def revision() -> str:
    """The git revision that Mimica runs from, `-dirty` with local changes, or its version number outside a checkout."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return __version__
    return f"{__version__} ({done.stdout.strip()})" if done.returncode == 0 and done.stdout.strip() else __version__


@dataclass
class RunFolder:
    """Reads and writes the files above. Nothing is created before `begin`."""

    path: Path
    last_words: str = field(default="", init=False)
    _writer: Any = field(default=None, init=False)

    @property
    def _log(self) -> Path:
        return self.path / "log.csv"

    def _has_files(self) -> bool:
        """Of others; a run that could not begin (on a full disk) leaves empty folders."""
        return any(path.name != INSIDE and not path.is_dir() for path in self.path.rglob("*"))

    def _write(self, text: str) -> None:
        with (self.path / "run.md").open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def check_same(self, options: TrainingOptions) -> None:
        """Raise `UserError` unless the folder's run has these options, apart from those that may change on resuming."""
        before, now = to_dict(load_options(type(options), self.path / "config.json")), to_dict(options)
        fixed = [n for n in now if n not in MAY_CHANGE | type(options).may_change]
        changed = [f"{n} was {before[n]} and is {now[n]}" for n in fixed if before[n] != now[n]]
        if changed:
            raise UserError(f"{self.path} holds another training ({'; '.join(changed)}); choose another folder for this one.")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While a training runs. Raises `UserError` where another one writes the folder, or it cannot be made."""
        with writing(self.path):
            try:
                self.path.mkdir(parents=True, exist_ok=True)
            except FileExistsError as error:
                raise UserError(f"The run folder {self.path} cannot be made: there is a file of that name.") from error
            except OSError as error:
                raise UserError(f"The run folder {self.path} cannot be made: {error.strerror}.") from error
            with Lock(self.path, inside=True), _threads_leave_the_word():
                yield

    def begin(self, name: str, options: TrainingOptions, step: int, device: str) -> None:
        """Create the folder, or continue it from `step`: later rows of the log are dropped."""
        from torch.utils.tensorboard import SummaryWriter

        if step == 0 and self.path.exists() and self._has_files() and not (self.path / "run.md").exists():
            raise UserError(f"{self.path} has other files in it; choose an empty folder for the training.")
        try:
            for part in ("samples", "checkpoints", "weights"):
                (self.path / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"The run folder {self.path} cannot be made: {error.strerror}.") from error
        if step == 0:  # the story comes first: by it the folder is known as ours, however far this goes
            story = f"# {name}\n\nOptions:\n\n```\n{describe(options)}\n```\n\n"
            (self.path / "run.md").write_text(story, encoding="utf-8")
            self._log.unlink(missing_ok=True)
        save_options(options, self.path / "config.json")
        if step:
            self._drop_rows_after(step)
        machine = f"{platform.node()}, {os.cpu_count()} CPU cores, {torch.get_num_threads()} threads"
        machine += f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
        self._write(
            f"## {'Started' if step == 0 else f'Resumed at step {step}'}, {_now()}\n\n    {shlex.join(sys.argv)}\n\n"
            f"Mimica {revision()}, Python {platform.python_version()}, torch {torch.__version__}, on {device} ({machine}).\n"
        )
        self._writer = SummaryWriter(str(self.path / "tensorboard"), purge_step=step)

    def _rows(self) -> list[dict[str, str]]:
        if not self._log.exists():
            return []
        try:
            with self._log.open(newline="", encoding="utf-8") as file:
                return [row for row in csv.DictReader(file) if (row.get("step") or "").isdecimal()]
        except (OSError, ValueError, csv.Error) as error:
            raise DataError(f"{self._log} cannot be read ({shown(error)}): move it away.") from error

    def _save_rows(self, rows: list[dict[str, Any]]) -> None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        with atomic_path(self._log) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)

    def _drop_rows_after(self, step: int) -> None:
        self._save_rows([row for row in self._rows() if int(row["step"]) <= step])

    def log(self, step: int, seconds: float, scalars: Mapping[str, float]) -> None:
        """One row of log.csv and one point of every TensorBoard curve."""
        row = {"step": step, "seconds": f"{seconds:.1f}", **{name: f"{value:.6g}" for name, value in scalars.items()}}
        with self._log.open("a+", newline="", encoding="utf-8") as file:
            file.seek(0)
            names = next(csv.reader(file), [])
            if names and set(row) <= set(names):
                csv.DictWriter(file, names).writerow(row)
        if not names or not set(row) <= set(names):
            self._save_rows([*self._rows(), row])
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, step)

    def remark(self, step: int, sentence: str) -> None:
        """A line of the story."""
        self._write(f"- step {step}: {sentence}")

    def picture(self, step: int, grid: np.ndarray) -> None:
        """uint8 (rows, columns, H, W, 3) -> samples/STEP.jpg."""
        rows, columns, height, width, _ = grid.shape
        sheet = grid.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
        write_image(self.path / "samples" / f"{step:07d}.jpg", np.ascontiguousarray(sheet), quality=92)

    def newest_checkpoint(self) -> Path | None:
        """The checkpoint that a resumed run continues from."""
        return max((self.path / "checkpoints").glob("step-*.pt"), default=None)

    def save_state(self, step: int, state: Mapping[str, Any], keep: int) -> None:
        """Write a checkpoint, whole or not at all, and remove all but the newest `keep`."""
        with atomic_path(self.path / "checkpoints" / f"step-{step:08d}.pt") as temporary:
            torch.save(dict(state), temporary)
        for old in sorted((self.path / "checkpoints").glob("step-*.pt"))[:-keep]:
            old.unlink()

    def load_state(self, path: Path) -> dict[str, Any]:
        """Read a checkpoint: tensors, on the CPU, and plain values only. Raises `WeightsError` where it is damaged."""
        try:
            return _read_state(path)
        except WeightsError as error:
            raise self.damaged(path) from error

    def damaged(self, path: Path) -> WeightsError:
        """What to say of a checkpoint that cannot be used; it names the newest one before that can be read."""
        for older in sorted((self.path / "checkpoints").glob("step-*.pt"), reverse=True):
            if older.name < path.name and _is_readable(older):
                return WeightsError(
                    f"The checkpoint {path} is damaged; delete it to resume from {older.name}, the last good one."
                )
        return WeightsError(f"The checkpoint {path} is damaged, and there is no good one before it; delete it to begin anew.")

    def check_fits(self, path: Path, part: str, modules: Mapping[str, torch.nn.Module], state: Mapping[str, Any]) -> None:
        """Raise `WeightsError` where what `part` of a checkpoint holds is not of the modules' names and shapes."""
        stored = state[part]
        wanted = {f"{n}.{k}": tuple(v.shape) for n, m in modules.items() for k, v in m.state_dict().items()}
        got = {f"{n}.{k}": tuple(v.shape) for n in modules for k, v in stored.get(n, {}).items()}
        if wrong := misfits(wanted, got):
            raise WeightsError(
                f"The checkpoint {path} is whole, but of another version of Mimica or of other networks: {wrong[0]}; resume it "
                f"with the version that {self.path / 'run.md'} names, or choose another folder."
            )

    def export(self, weights: Mapping[str, Weights], files: Mapping[str, bytes] | None = None) -> None:
        """Write the models to weights/STEM.safetensors, and those with a format of their own to weights/NAME."""
        for stem, one in weights.items():
            save_weights(self.path / "weights" / f"{stem}.safetensors", one)
        for name, content in (files or {}).items():
            with atomic_path(self.path / "weights" / name) as temporary:
                temporary.write_bytes(content)

    def end(self, step: int, steps: int, reason: str, seconds: float) -> None:
        """Close the story: how far, why, how long, the last scalars."""
        how = "Finished" if step >= steps else f"Stopped ({reason})"
        self.last_words = f"{how} at step {step} of {steps} after {seconds / 60:.1f} minutes; see {self.path / 'run.md'}."
        rows = self._rows()
        last = "".join(f"\n- {name}: {value}" for name, value in (rows[-1] if rows else {}).items() if value)
        self._write(
            f"\n## {how} at step {step} of {steps}, {_now()}, after {seconds / 60:.1f} minutes\n\nLast row of the log:\n{last}\n"
        )
        self._writer.close()


@contextmanager
def _threads_leave_the_word() -> Iterator[None]:
    """TensorBoard writes in a thread, and raises what the disk refused there and here: it is told here, once."""
    before = threading.excepthook

    def told(problem: threading.ExceptHookArgs) -> None:
        if not (isinstance(problem.exc_value, OSError) and refusal(problem.exc_value)):
            before(problem)

    threading.excepthook = told
    try:
        yield
    finally:
        threading.excepthook = before


def _read_state(path: Path) -> dict[str, Any]:
    try:
        content = with_arrays(read_torch_file(path))
    except RefusedError as error:
        raise WeightsError(f"{path} {error}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("step"), int) or content["step"] < 0:
        raise WeightsError(f"{path} is no checkpoint of a training.")
    return dict(_with_tensors(content))


def _is_readable(path: Path) -> bool:
    try:
        return bool(_read_state(path))
    except WeightsError:
        return False


def _with_tensors(value: Any) -> Any:
    """Arrays, in containers of containers, as torch's tensors."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, dict):
        return {name: _with_tensors(one) for name, one in value.items()}
    return type(value)(map(_with_tensors, value)) if isinstance(value, list | tuple) else value


def read_log(path: Path) -> list[dict[str, float]]:
    """log.csv of a run folder -> rows of numbers. Raises `DataError` where there is none."""
    rows = RunFolder(path)._rows()
    if not rows:
        raise DataError(f"{path} has no log.csv with rows; give a run folder.")
    return [{name: float(value) for name, value in row.items() if value} for row in rows]
