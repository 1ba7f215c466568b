"""A server, a browser and the page for tests (their fixtures are listed in `conftest.py`), and what is done and seen there."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from web_client import ASTRONAUT

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
ROOT = Path(__file__).parents[2]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
SHOTS = os.environ.get("MIMICA_SCREENSHOTS")
PATIENCE = 30_000  # milliseconds: other tests may be running


def needs_chromium() -> None:
    """At the head of a module of tests: skips it where there is nothing to open the page with."""
    pytest.importorskip("playwright.sync_api", reason="needs the package 'playwright'")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium to test the page with (apt-get install chromium)", allow_module_level=True)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake camera shows: the astronaut at rest, then smiling less, again and again; MJPEG, as Chromium wants it."""
    from mimica import api

    folder = tmp_path_factory.mktemp("clip")
    animation = api.animate(ASTRONAUT, sequence="photo@0-1.4, sad@1.8-2.4, photo@2.8", size=320, fps=10)
    with (folder / "camera.mjpeg").open("wb") as file:
        for frame in animation:
            Image.fromarray(frame[:240]).save(file, "JPEG", quality=90)
    animation.save(folder / "film.mp4")
    return folder


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """A running `mimica web`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "mimica", "web", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=ROOT
    ) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found, "the address is printed"
        for _ in range(200):
            try:
                urllib.request.urlopen(found[0] + "healthz", timeout=5).read()
                break
            except OSError:
                time.sleep(0.1)
        yield found[0]
        server.terminate()
        said = server.stdout.read()
        server.wait(20)
    assert "Traceback" not in said, said


@pytest.fixture(scope="module")
def browser(clip: Path) -> Iterator[Any]:
    """Of a module, not of the session: while it is open an event loop runs, and other tests want one of their own."""
    from playwright import sync_api

    with sync_api.sync_playwright() as driver:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={clip / 'camera.mjpeg'}"]
        made = driver.chromium.launch(executable_path=CHROMIUM, args=flags, headless=True)
        yield made
        made.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A new window on the page; a fault of its scripts fails the test."""
    context = browser.new_context(viewport={"width": 1360, "height": 850}, color_scheme="light", accept_downloads=True)
    context.grant_permissions(["camera"], origin=address.rstrip("/"))
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if is_fault(message) else None)
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    yield page
    context.close()
    assert not faults, faults


def is_fault(message: Any) -> bool:
    """Errors but for answers with 4xx, which the page shows."""
    return message.type == "error" and "status of 4" not in message.text


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(400)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def upload(page: Any, photo: Path = ASTRONAUT) -> None:
    """Gives the page a photo and waits until it shows it as it is: the first picture is a coarse one."""
    page.set_input_files("#file", str(photo))
    page.wait_for_selector('[data-expression="happiness"]')
    still(page)


def shown(page: Any) -> np.ndarray:
    """What the canvas shows, uint8 (H, W, 3)."""
    data = page.evaluate("() => document.getElementById('after').toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB"))


def still(page: Any) -> np.ndarray:
    """What the canvas shows once it stands still for a while: coarse pictures come before the final one."""
    now = shown(page)
    for _ in range(100):
        page.wait_for_timeout(300)
        last, now = now, shown(page)
        if np.array_equal(now, last):
            return now
    raise AssertionError("the picture never stood still")


def settled(page: Any, before: np.ndarray, same_size: bool = True) -> np.ndarray:
    """What the canvas shows once it differs from `before` and stands still; a preview of a larger photo has another size."""
    for _ in range(100):
        now = still(page)
        if (now.shape == before.shape) is same_size and not (same_size and np.abs(now.astype(int) - before).max() <= 30):
            return now
    raise AssertionError("the picture did not change")


def changed(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    return np.abs(after.astype(int) - before).max(axis=2) > 24
