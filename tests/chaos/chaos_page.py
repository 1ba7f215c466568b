"""`mimica web`, killed while people edit and fetch, and on a full disk.

Two people ask again and again: one for edited pictures, one for videos, which are fetched when they are made. Whatever arrives
whole must be a whole picture or film; after the kill nothing of the server may lie on the disk; it must start again at the same
address, and give the picture that it gave before.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from chaos_common import PHOTO, Outcome, environment, fill, small_disk

_PATIENCE = 60.0
_DEAD = (OSError, http.client.HTTPException, ValueError, KeyError)
"""What a request ends in when the server is killed."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _small_photo() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    with Image.open(PHOTO) as photo:
        photo.convert("RGB").resize((240, 240)).save(file, "JPEG")
    return file.getvalue()


class _Client:
    """Asks one server."""

    def __init__(self, port: int) -> None:
        self.port, self.photo = port, _small_photo()

    def ask(self, path: str, **words: str) -> tuple[int, bytes]:
        """The answer's status and body, whole. Raises one of `_DEAD`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            body, kind = _form(self.photo, words) if words else (None, {})
            connection.request("POST" if words else "GET", path, body, kind)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def edited(self) -> bytes:
        status, picture = self.ask("/api/edit", expression="happy", format="png")
        if status != 200:
            raise ValueError(f"{status}: {picture[:200]!r}")
        return picture

    def film(self) -> bytes:
        """A second of video; how it failed as an error."""
        status, answer = self.ask("/api/animate", expression="happy", seconds="0.4", format="webm")
        about = json.loads(answer)
        if status != 202:
            raise ValueError(f"{status}: {about}")
        while True:
            found = json.loads(self.ask(about["url"])[1])
            if found["state"] == "done":
                return self.ask(about["result"])[1]
            if found["state"] == "failed":
                raise ValueError(f"failed: {found['error']}")
            time.sleep(0.02)


def _form(photo: bytes, words: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    mark = uuid.uuid4().hex
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in words.items()]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'.encode()
    return b"".join([*parts, head, photo, f"\r\n--{mark}--\r\n".encode()]), {
        "Content-Type": f"multipart/form-data; boundary={mark}"
    }


def _pixels(picture: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("RGB"))


def _frames(film: bytes) -> int:
    import av

    with av.open(io.BytesIO(film)) as container:
        return sum(1 for _ in container.decode(video=0))


@contextmanager
def _server(port: int, scratch: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mimica", "web", "--no-browser", "--port", str(port)]
    place = environment(TMPDIR=str(scratch))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=place)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _until_it_answers(client: _Client, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"`mimica web` ended with {process.returncode}: {process.communicate()[1][-400:]}")
        try:
            client.ask("/healthz")
            return
        except _DEAD:
            time.sleep(0.05)
    raise RuntimeError("`mimica web` does not answer")


class _Person(threading.Thread):
    """Asks until nobody answers; `problem` is what was wrong with what arrived."""

    def __init__(self, client: _Client, frames: int = 0) -> None:
        """For films of so many `frames`, or for pictures."""
        super().__init__(daemon=True)
        self.client, self.frames, self.stop, self.arrived, self.problem = client, frames, threading.Event(), 0, ""

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                made = self.client.film() if self.frames else self.client.edited()
            except _DEAD:
                time.sleep(0.02)
                continue
            try:
                whole = _frames(made) == self.frames if self.frames else _pixels(made).shape == (240, 240, 3)
            except Exception as error:  # noqa: BLE001 (whatever is wrong with it is the finding)
                whole, self.problem = False, f"what arrived cannot be read: {error}"
            if not whole:
                self.problem = self.problem or "what arrived is not whole"
            self.arrived += 1


def _left(scratch: Path, seconds: float = 15.0) -> list[str]:
    """What lies there when the watcher has had its time."""
    end = time.monotonic() + seconds
    while os.listdir(scratch) and time.monotonic() < end:
        time.sleep(0.05)
    return sorted(os.listdir(scratch))


def run(kills: int, rng: random.Random, folder: Path, mounts: bool = False) -> Outcome:
    """Kill it while it works, look at what is left, start it again."""
    outcome, port, scratch = Outcome(), _free_port(), folder / "scratch"
    scratch.mkdir()
    client, start = _Client(port), time.monotonic()
    with _server(port, scratch) as process:
        _until_it_answers(client, process)
        wanted = _pixels(client.edited())
        frames = _frames(client.film())
        length = time.monotonic() - start
    while outcome.kills < kills:
        _one_kill(client, frames, scratch, rng.uniform(0.0, 1.3 * length), outcome)
    with _server(port, scratch) as process:
        _until_it_answers(client, process)
        if not np.array_equal(_pixels(client.edited()), wanted):
            outcome.problems.append("after the kills the page gives another picture")
    if mounts:
        _on_full_disk(client, frames, folder, outcome)
    return outcome


def _one_kill(client: _Client, frames: int, scratch: Path, seconds: float, outcome: Outcome) -> None:
    people = [_Person(client), _Person(client, frames)]
    with _server(client.port, scratch) as process:
        for person in people:
            person.start()
        time.sleep(seconds)
        if process.poll() is not None:
            outcome.problems.append(f"it did not start again: {process.communicate()[1][-400:]}")
        process.send_signal(signal.SIGKILL)
        process.wait()
        for person in people:
            person.stop.set()
    for person in people:
        person.join(_PATIENCE)
        outcome.done += person.arrived
        if person.problem:
            outcome.problems.append(person.problem)
    outcome.kills += 1
    if left := _left(scratch):
        outcome.problems.append(f"the killed server left {', '.join(left)}")


def _on_full_disk(client: _Client, frames: int, folder: Path, outcome: Outcome) -> None:
    """A video that does not fit is a sentence, and the server goes on."""
    with small_disk(folder / "small") as disk, _server(client.port, disk) as process:
        _until_it_answers(client, process)
        filler = fill(disk, 0)
        for ask in (client.film, client.edited):
            outcome.full += 1
            try:
                ask()
                outcome.problems.append("on a full disk something is made")
            except _DEAD as error:
                if "cannot be written" not in str(error):
                    outcome.problems.append(f"on a full disk it says: {error}")
        filler.unlink()
        _pixels(client.edited())
        if _frames(client.film()) != frames:
            outcome.problems.append("when there is room again the film is not whole")
