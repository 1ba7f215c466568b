"""The one training loop: data, seeds, precision, running means of weights, checkpoints, logs, devices.

An engine's or the reader's `train.py` gives a `Task`; `Trainer(task, folder).run()` trains it. Lightning Fabric starts the
processes and moves tensors, so one command serves a CPU, a GPU, several GPUs and several machines. Each process takes its
share of every batch, and `Trainer.update` averages the gradients over processes.

A run can be killed at any moment and resumes by the same command, on the CPU bit for bit: everything random in step k (order
of the data, augmentation, torch's, numpy's and Python's generators) is a function of (seed, k), and the rest, weights,
optimisers, running means, is in the checkpoint. The run folder is described in `mimica.training.run_folder`.
"""

from __future__ import annotations

import copy
import math
import random
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from mimica.config import TrainingOptions
from mimica.errors import UserError
from mimica.training.batches import Batch, StepBatches, fixed_batch, mixed_seed, on_device, step_loader
from mimica.training.run_folder import RunFolder
from mimica.training.task import Parts, Task

__all__ = ["Parts", "Task", "Trainer", "update_average"]


@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, decay: float, step: int) -> None:
    """Running mean of weights; the decay starts low so that the first steps do not linger. Buffers are copied."""
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), 1 - decay)
    for mean, value in zip(average.buffers(), module.buffers(), strict=True):
        mean.copy_(value)


@dataclass
class _Stop:
    """Why to stop early: set by a signal, Ctrl-C or the clock."""

    reason: str = ""

    def signalled(self, number: int, _frame: FrameType | None) -> None:
        if self.reason:
            raise KeyboardInterrupt
        self.reason = signal.Signals(number).name

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C end the run after the current step; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self.signalled) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@dataclass
class Trainer:
    """Trains `task` in `folder`: see the module's description. `say` receives lines for people."""

    task: Task
    folder: Path
    say: Callable[[str], None] = print
    step: int = field(default=0, init=False)
    _pending: list[tuple[int, Mapping[str, Tensor | float]]] = field(default_factory=list, init=False)
    _compiled: dict[tuple[str, str], Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.options: TrainingOptions = self.task.options
        o = self.options
        self.fabric = Fabric(
            accelerator=o.accelerator,
            devices=o.devices,
            num_nodes=o.nodes,
            strategy="ddp" if o.devices * o.nodes > 1 else "auto",
            precision="bf16-mixed" if o.precision == "bf16" else "32-true",
        )
        self.notes = RunFolder(self.folder)
        self._stop = _Stop()

    # --- what a task uses -------------------------------------------------------------------------------------------

    def autocast(self) -> AbstractContextManager[Any]:
        """Wrap the networks' forward passes in this; it is a no-op with fp32."""
        return self.fabric.autocast()

    def network(self, module: str, method: str = "forward") -> Any:
        """A module's method, through `torch.compile` where the options ask for it."""
        if (module, method) not in self._compiled:
            function = getattr(self.parts.modules[module], method)
            wanted = self.options.compile == "yes" or (self.options.compile == "auto" and self.fabric.device.type == "cuda")
            self._compiled[module, method] = torch.compile(function) if wanted else function
        return self._compiled[module, method]

    def update(self, optimiser: str, loss: Tensor) -> None:
        """Zero the gradients, back-propagate, average over processes, clip, and let the `optimiser` take its step."""
        chosen = self.parts.optimisers[optimiser]
        chosen.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        parameters = [p for group in chosen.param_groups for p in group["params"] if p.grad is not None]
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.fabric.world_size > 1:
            flat = torch.cat([g.reshape(-1) for g in gradients])
            mean = self._across(flat, "mean")
            for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
                gradient.copy_(part.view_as(gradient))
        if self.options.clip_gradients:
            nn.utils.clip_grad_norm_(parameters, self.options.clip_gradients)
        chosen.step()

    def _across(self, tensor: Tensor, operation: str) -> Tensor:
        """Sum or mean of a tensor over the processes."""
        reduced = self.fabric.all_reduce(tensor, reduce_op=operation)
        assert isinstance(reduced, Tensor)
        return reduced

    def best(self, module: str) -> nn.Module:
        """The running mean of a module, or the module itself where none is kept."""
        return self.averages.get(module, self.parts.modules[module])

    # --- the run ----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Start the processes and build the networks, the optimisers and the running means."""
        self.fabric.launch()
        torch.manual_seed(mixed_seed(self.options.seed))
        self.parts = self.task.build(self.options)
        on_cpu = self.fabric.device.type == "cpu"
        if not on_cpu:
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.benchmark = True
        for name, module in self.parts.modules.items():
            module.to(self.fabric.device)
            if self.options.channels_last and not (on_cpu and name in self.parts.channels_first):
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        kept = self.parts.averaged if self.options.ema else ()
        self.averages = {name: copy.deepcopy(self.parts.modules[name]).requires_grad_(False) for name in kept}
        self._base_rates = {n: [g["lr"] for g in o.param_groups] for n, o in self.parts.optimisers.items()}

    def _seed_step(self) -> None:
        """Set learning rates and every generator as a function of (seed, step)."""
        seed = mixed_seed(self.options.seed, self.step, self.fabric.global_rank)
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        factor = self.task.learning_rate_factor(self.step)
        for name, optimiser in self.parts.optimisers.items():
            for group, base in zip(optimiser.param_groups, self._base_rates[name], strict=True):
                group["lr"] = base * factor

    def _batches(self) -> Iterable[Batch]:
        data = StepBatches(self.task.source(), self.options, self.fabric.global_rank, self.fabric.world_size)
        if len(data.source) == 0:
            raise UserError(f"The data set {', '.join(map(str, self.task.folders))} has no sample for training.")
        return step_loader(data, self.step, self.options.steps, self.options.workers, self.fabric.device.type == "cuda")

    def _one_step(self, batch: Batch) -> None:
        self._seed_step()
        scalars = self.task.step(on_device(batch, self.fabric.device), self)
        self._pending.append((self.step, scalars))
        for name, average in self.averages.items():
            update_average(average, self.parts.modules[name], self.options.ema, self.step)
        self.step += 1

    def first_batch(self) -> Batch:
        """This process's share of the next step's batch, on the device."""
        return on_device(next(iter(self._batches())), self.fabric.device)

    def dry_run(self) -> str:
        """Build everything, run one step without writing anything, and tell what a run would be."""
        self.prepare()
        batch = self.first_batch()
        self._one_step(batch)
        start = time.perf_counter()
        self._one_step(batch)
        self._flush()
        seconds = time.perf_counter() - start
        sizes = [f"{n}: {sum(p.numel() for p in m.parameters()):,} parameters" for n, m in self.parts.modules.items()]
        shapes = [f"{n}: {str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}" for n, t in batch.items()]
        length = (
            f"{len(self.task.source()):,} samples; {seconds:.3g} s a step, {seconds * self.options.steps / 3600:.3g} h in all"
        )
        reading = f"reading: {self._reading_rate():,.0f} samples a second by one process"
        return "\n".join([f"{self.task.name} on {self.fabric.device}", *sizes, *shapes, length, reading])

    def _reading_rate(self, seconds: float = 1.0) -> float:
        """Samples a second that one process prepares, all of the batches of about so many seconds, drawn from all the data."""
        data = StepBatches(self.task.source(), self.options)
        start, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() - start < seconds:
            done += len(next(iter(data[done].values())))
        return done / (time.perf_counter() - start)

    def run(self) -> Path:
        """Train to the end of the options' steps or minutes; gives the run folder. Resumes where a checkpoint is there.

        Raises `UserError` for a folder of another training, and when a scalar is not finite."""
        self.prepare()
        with self.notes.locked() if self.fabric.is_global_zero else nullcontext():
            return self._run(self.fabric.is_global_zero)

    def _run(self, main: bool) -> Path:
        self._start = self._saved = time.monotonic()
        self._processor_start = time.process_time()
        self.task.workspace, self.task.say = self.folder, self.say
        resumed = self.notes.newest_checkpoint()
        if resumed:
            self.notes.check_same(self.options)
            self._restore(resumed)
        if main:
            self.notes.begin(self.task.name, self.options, self.step, str(self.fabric.device))
        with self._stop.on_signals():
            for batch in self._batches():
                self._one_step(batch)
                self._after_step(main)
                if self._should_stop():
                    break
        self._finish(main)
        return self.folder

    def _due(self, every: int) -> bool:
        return every > 0 and self.step % every == 0

    def _after_step(self, main: bool) -> None:
        o = self.options
        if self._due(o.log_every) or self.step == o.steps:
            self._flush(write=main)
        if main and (self._due(o.sample_every) or (o.sample_every and self.step == 1)):
            self._sample()
        late = o.checkpoint_minutes and time.monotonic() - self._saved > 60 * o.checkpoint_minutes
        if main and (self._due(o.checkpoint_every) or late):
            self._save()

    def _should_stop(self) -> bool:
        o = self.options
        if o.minutes and time.monotonic() - self._start > 60 * o.minutes and not self._stop.reason:
            self._stop.reason = f"{o.minutes:g} minutes are over"
        worked = time.process_time() - self._processor_start
        if o.processor_minutes and worked > 60 * o.processor_minutes and not self._stop.reason:
            self._stop.reason = f"{o.processor_minutes:g} minutes of the processor are over"
        if self.fabric.world_size == 1:
            return bool(self._stop.reason)
        if self.step % 10:  # processes must agree, and asking costs a message
            return False
        wish = torch.tensor(float(bool(self._stop.reason)), device=self.fabric.device)
        if not self._across(wish, "sum").item():
            return False
        self._stop.reason = self._stop.reason or "another process was stopped"
        return True

    def _flush(self, write: bool = False) -> None:
        """Look at the scalars since the last row of the log (a checkpoint keeps them too); stop if one is not finite; log their
        means."""
        self._check_finite()
        names = list(dict.fromkeys(name for _, scalars in self._pending for name in scalars))
        rows = {name: [float(scalars[name]) for _, scalars in self._pending if name in scalars] for name in names}
        self._pending.clear()
        means = {name: sum(values) / len(values) for name, values in rows.items()}
        if self.fabric.world_size > 1 and means:
            together = torch.tensor(list(means.values()), device=self.fabric.device)
            means = dict(zip(means, self._across(together, "mean").tolist(), strict=True))
        if write and means:
            self.notes.log(self.step, time.monotonic() - self._start, means)
            self.say(f"step {self.step}/{self.options.steps}  " + "  ".join(f"{n} {v:.4g}" for n, v in means.items()))
            for sentence in self.task.warnings(means):
                self.notes.remark(self.step, sentence)
                self.say(f"warning: {sentence}")

    def _check_finite(self) -> None:
        for step, scalars in self._pending:
            for name, value in scalars.items():
                if not math.isfinite(float(value)):
                    kept = self.notes.newest_checkpoint() or "none"
                    raise UserError(
                        f"Training stopped: '{name}' is {float(value)} at step {step}. The last good checkpoint is {kept}; "
                        "try a lower learning rate, clip_gradients=1 or precision=fp32."
                    )

    @torch.no_grad()
    def _sample(self) -> None:
        batch = fixed_batch(self.task.sample_source(), 8)
        grid = self.task.sample(on_device(batch, self.fabric.device), self)
        if grid is not None:
            self.notes.picture(self.step, grid)

    # --- checkpoints ------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        self._check_finite()
        state = {
            "step": self.step,
            "modules": {n: m.state_dict() for n, m in self.parts.modules.items()},
            "averages": {n: m.state_dict() for n, m in self.averages.items()},
            "optimisers": {n: o.state_dict() for n, o in self.parts.optimisers.items()},
            "pending": [(k, {n: float(v) for n, v in scalars.items()}) for k, scalars in self._pending],
        }
        self.notes.save_state(self.step, state, self.options.keep_checkpoints)
        self.notes.export(self.task.weights(self), self.task.files(self))
        self._saved = time.monotonic()

    def _restore(self, path: Path) -> None:
        state = self.notes.load_state(path)
        self.step = state["step"]
        try:
            self.notes.check_fits(path, "modules", self.parts.modules, state)
            self.notes.check_fits(path, "averages", self.averages, state)
            for name, module in self.parts.modules.items():
                module.load_state_dict(state["modules"][name])
            for name, average in self.averages.items():
                average.load_state_dict(state["averages"][name])
            for name, optimiser in self.parts.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
            self._pending = [(int(k), dict(scalars)) for k, scalars in state.get("pending", [])]
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
            raise self.notes.damaged(path) from error

    def _finish(self, main: bool) -> None:
        self._flush(write=main)
        if main:
            self._save()
            self.notes.end(self.step, self.options.steps, self._stop.reason, time.monotonic() - self._start)
            self.say(self.notes.last_words)
        self.fabric.barrier()
