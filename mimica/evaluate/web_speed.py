"""How fast the page answers and what it stands: `mimica bench PHOTO --only web --only load`.

`mimica web` runs in a process of its own; clients of this process do what the page does, over HTTP and WebSockets of 127.0.0.1.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mimica import api
from mimica.errors import MissingExtraError, UserError
from mimica.interactive.wire import packed, unpacked

Row = tuple[str, float, str, str]
"""Name, value, unit, note: the fields of `mimica.evaluate.bench.Figure`."""
FRAME_SIDE = 512
LOAD_CLIENTS, LOAD_SECONDS = 50, 60.0
EDIT_EVERY = 10
"""Under load every so many previews a client asks for a whole edit by the programming interface too."""
_CAMERA_RATE = 25.0
_PATIENCE = 60.0
_CONTROLS = ("AU12L", "AU12R", "AU26L", "AU26R")


@dataclass
class Server:
    """A running `mimica web`."""

    address: str
    process: subprocess.Popen[str]

    @property
    def memory_mib(self) -> float:
        """Resident memory now, MiB; NaN where the system does not tell."""
        status = Path(f"/proc/{self.process.pid}/status")
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.is_file() else None
        return int(found[1]) / 1024 if found else float("nan")


@contextmanager
def running() -> Iterator[Server]:
    """Starts the server and ends it. Raises `UserError` if it does not start."""
    command = [sys.executable, "-u", "-m", "mimica", "web", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        if found is None:
            process.kill()
            raise UserError(f"`mimica web` did not start: {said.strip()}")
        try:
            _wait_for(found[0])
            yield Server(found[0].rstrip("/"), process)
        finally:
            process.terminate()
            process.stdout.read()


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address + "healthz", timeout=5).read()
            return
        except OSError:
            time.sleep(0.1)
    raise UserError("`mimica web` does not answer.")


@dataclass
class Client:
    """One page: its cookie, its photo, its WebSocket."""

    server: Server
    codes: Counter[int] = field(default_factory=Counter)
    cookie: str = ""
    sequence: int = 0
    photo: str = ""
    socket: Any = None

    def request(self, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        """The answer; its status is counted, and an error's gives an empty answer."""
        headers = {"Cookie": self.cookie, **({"Content-Type": kind} if body is not None else {})}
        asked = urllib.request.Request(self.server.address + path, body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=_PATIENCE) as answer:
                self.codes[answer.status] += 1
                if "set-cookie" in answer.headers:
                    self.cookie = answer.headers["set-cookie"].partition(";")[0]
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            self.codes[error.code] += 1
            return b""

    def open(self, photo: bytes) -> Client:
        """Uploads the photo and connects, as often as it takes."""
        try:
            from websockets.sync.client import connect
        except ModuleNotFoundError as error:
            raise MissingExtraError("This benchmark needs the package 'websockets': pip install 'mimica[web]'.") from error
        key = json.loads(self.request("/api/session"))["socket_key"]
        answer = b""
        while not answer:
            answer = self.request("/api/photos", *_form(photo))
            time.sleep(0.0 if answer else 0.5)
        found = json.loads(answer)
        self.photo = found["photo"]
        url = f"{self.server.address.replace('http', 'ws', 1)}/ws?key={key}"
        self.socket = connect(url, additional_headers={"Cookie": self.cookie}, max_size=2**24)
        return self

    def preview(self, value: float) -> float:
        """Milliseconds from a slider's move to its picture."""
        changes = dict.fromkeys(_CONTROLS, value)
        return self._timed({"type": "preview", "photo": self.photo, "faces": [{"face": 1, "changes": changes}]})

    def _timed(self, message: dict[str, Any], picture: bytes | None = None) -> float:
        self.sequence += 1
        text = {**message, "seq": self.sequence}
        start = time.perf_counter()
        self.socket.send(json.dumps(text) if picture is None else packed(text, picture))
        while True:
            answer = self.socket.recv(timeout=_PATIENCE)
            header = unpacked(answer)[0] if isinstance(answer, bytes) else json.loads(answer)
            if header.get("type") == "error":
                raise UserError(f"The page answered: {header['error']}")
            if header.get("seq") == self.sequence:
                return 1e3 * (time.perf_counter() - start)

    def edit(self) -> None:
        """A whole edit, through the programming interface."""
        self.request("/api/edit", *_form(self.file, {"expression": "happy"}))

    file: bytes = b""


def _form(photo: bytes, words: dict[str, str] | None = None) -> tuple[bytes, str]:
    """(body, content type) of multipart/form-data."""
    parts = [f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in (words or {}).items()]
    head = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n\r\n'
    return b"".join([*parts, head, photo, b"\r\n--b--\r\n"]), "multipart/form-data; boundary=b"


def _small(photo: Path) -> bytes:
    """The photo as JPEG with a longer side of 512 pixels at most."""
    with Image.open(photo) as image:
        image.thumbnail((FRAME_SIDE, FRAME_SIDE))
        file = BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=95)
    return file.getvalue()


def previews(photo: Path, repeats: int) -> list[Row]:
    """Medians with one client and with four that drag at the same time."""
    figures: list[Row] = []
    with running() as server:
        for count, words in ((1, "one client"), (4, "four clients at once")):
            clients = [Client(server).open(_small(photo)) for _ in range(count)]
            times: list[float] = []
            threads = [threading.Thread(target=_drag, args=(client, repeats, times)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for client in clients:
                client.socket.close()
            note = f"{words}, {FRAME_SIDE} pixels, from a slider's move to its picture; 95%: {np.percentile(times, 95):.0f} ms"
            figures.append(("preview", statistics.median(times), "ms", note))
    return figures


def _drag(client: Client, repeats: int, times: list[float]) -> None:
    client.preview(0.01)  # encodes the photo
    times += [client.preview(0.05 + 0.9 * i / repeats) for i in range(repeats)]


def camera(photo: Path, repeats: int) -> list[Row]:
    """The webcam loop: frames of a moving face as a camera gives them, 25 a second, each sent when the one before is shown."""
    moving = api.animate(photo, sequence="photo@0-1.6, surprised@2.2-2.6, sad@3.4-3.8, photo@4.4", size=480, fps=_CAMERA_RATE)
    frames = []
    for frame in moving:
        file = BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=75)
        frames.append(file.getvalue())
    with running() as server:
        client = Client(server).open(_small(photo))
        start, times = time.perf_counter(), list[float]()
        while (now := time.perf_counter() - start) < max(4.4, repeats / 3):
            picture = frames[int(now * _CAMERA_RATE) % len(frames)]
            message = {"type": "camera", "photo": client.photo, "face": 1, "time": now, "mark": True}
            times.append(client._timed(message, picture))
        rate = len(times) / (time.perf_counter() - start)
        client.socket.close()
    steady = times[round(1.6 * rate) :]  # after rest was taken
    note = f"{FRAME_SIDE} pixels, from frame read to picture received, one at a time; 95%: {np.percentile(steady, 95):.0f} ms"
    return [("camera", statistics.median(steady), "ms", note), ("camera, rate", rate, "frames/s", "the same")]


def load(photo: Path, clients: int = LOAD_CLIENTS, seconds: float = LOAD_SECONDS) -> list[Row]:
    """Many clients that never rest: previews, and now and then a whole edit."""
    small = _small(photo)
    with running() as server:
        crowd, times, peak = [Client(server, file=small) for _ in range(clients)], list[float](), [0.0]
        stop = threading.Event()
        threads = [threading.Thread(target=_busy, args=(one, small, times, stop), daemon=True) for one in crowd]
        for thread in threads:
            thread.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            peak[0] = max(peak[0], server.memory_mib)
            time.sleep(0.25)
        stop.set()
        for thread in threads:
            thread.join(_PATIENCE)
        alive = server.process.poll() is None
    codes: Counter[int] = sum((one.codes for one in crowd), Counter())
    faults = sum(count for code, count in codes.items() if code >= 500)
    words = f"{clients} clients, {seconds:g} s"
    return [
        ("load, answers 5xx", float(faults) if alive else float("inf"), "", f"{words}; all: {dict(sorted(codes.items()))}"),
        ("load, peak memory", peak[0], "MiB", "the server's resident memory"),
        ("load, previews", len(times) / seconds, "a second", "of all clients together"),
        ("load, preview", statistics.median(times), "ms", "median of all clients"),
    ]


def _busy(client: Client, photo: bytes, times: list[float], stop: threading.Event) -> None:
    client.open(photo)
    count = 0
    while not stop.is_set():
        count += 1
        times.append(client.preview((count % 19) / 20))
        if count % EDIT_EVERY == 0:
            client.edit()
    client.socket.close()
