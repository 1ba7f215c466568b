"""Tries changed inputs at some doors, in a process of its own, and reports what ended as nothing should.

    python worker.py SECONDS SEED FOLDER [DOOR ...]

An input may be read, or be refused by a `UserError`. Anything else is a finding: another exception, more than 10 seconds, more
than 1 GB beyond the file's size, a process started, a pickle run. The input that is being tried lies in FOLDER/now, so that the
campaign has it too where the process is ended by a signal. Prints a line of JSON for each finding, at the end one for all doors.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from doors import Door, doors

from mimica.errors import UserError

SECONDS, WALL, BYTES, GUARD = 10.0, 60.0, 1 << 30, 6 << 30
"""A processor's seconds, a clock's (other programs run too), bytes beyond the file's size, and bytes in all."""
FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "subprocess.Popen",
    "pickle.find_class",
    "pty.spawn",
)
_watched = _timed = False
_seen: list[str] = []


class TooLong(BaseException):
    """Past every handler of `Exception`."""


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched and event in FORBIDDEN:
        _seen.append(event)
        raise RuntimeError(f"not allowed: {event}")


def _late(number: int, frame: FrameType | None) -> None:
    raise TooLong("".join(traceback.format_stack(frame)[-3:]))


def watch_the_time() -> None:
    """From here on an attempt that takes too long is ended (not before: an import that is broken off stays broken)."""
    global _timed
    _timed = True
    signal.signal(signal.SIGALRM, _late)
    signal.signal(signal.SIGPROF, _late)


def _memory() -> int:
    """The most bytes that this program has held, since `_forget` where the system (Linux) can be asked."""
    with contextlib.suppress(OSError, StopIteration):
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _forget() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def attempt(door: Door, name: str, content: bytes, folder: Path) -> str:
    """What is wrong with how this input is taken; empty if nothing."""
    global _watched
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for other, data in {**door.beside, name: content}.items():
        (folder / other).write_bytes(data)
    _forget()
    before, start = _memory(), time.process_time()
    _seen.clear()
    _watched = True
    if _timed:
        signal.setitimer(signal.ITIMER_PROF, SECONDS + 1)
        signal.setitimer(signal.ITIMER_REAL, WALL)
    problem = ""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            door.open(folder / name)
    except UserError as error:
        if not str(error).isprintable() or len(str(error)) > 800:
            problem = f"an unfit sentence: {str(error)[:200]!r}"
    except TooLong as error:
        problem = f"too long: {error}"
    except Exception:  # noqa: BLE001 (all of them are findings)
        problem = traceback.format_exc(limit=-4)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _watched = False
    if _seen:
        return f"it ran {_seen[0]}"
    if problem:
        return problem
    spent, held = time.process_time() - start, _memory() - before
    too_much = [f"{spent:.1f} s"] * (spent > SECONDS) + [f"{held / 1e6:.0f} MB"] * (held > BYTES + len(content))
    return f"it took {' and '.join(too_much)}" if too_much else ""


def main() -> None:
    seconds, seed, folder, *wanted = sys.argv[1:]
    where = Path(folder)
    with contextlib.redirect_stdout(io.StringIO()):
        made = doors(where)
    table = {name: door for name, door in made.items() if not wanted or name in wanted}
    for door in table.values():  # what is valid is read; and whatever is imported late, is imported now
        for name, content in door.seeds.items():
            attempt(door, name, content, where / "now")  # imports
            problem = attempt(door, name, content, where / "now")
            if problem:
                print(json.dumps({"door": "valid input", "file": name, "problem": problem}), flush=True)
    resource.setrlimit(resource.RLIMIT_AS, (GUARD, resource.RLIM_INFINITY))
    watch_the_time()
    sys.addaudithook(_audit)
    rng, counts = random.Random(int(seed)), dict.fromkeys(table, 0)
    end = time.monotonic() + float(seconds)
    spent = dict.fromkeys(table, 0.0)
    while time.monotonic() < end:
        name = min(spent, key=lambda each: spent[each])  # each door its share of the time
        door, start = table[name], time.monotonic()
        file = rng.choice(sorted(door.seeds))
        content = door.change(rng, door.seeds[file])
        (where / "trying").write_text(json.dumps([name, file]))
        problem = attempt(door, file, content, where / "now")
        spent[name] += time.monotonic() - start
        counts[name] += 1
        if problem:
            print(json.dumps({"door": name, "file": file, "problem": problem, "content": content.hex()}), flush=True)
    os.chdir("/")
    print(json.dumps({"counts": counts}), flush=True)


if __name__ == "__main__":
    main()
