"""The page in a real browser: Chromium without a window, its fake camera fed with a clip of the astronaut.

`MIMICA_SCREENSHOTS=FOLDER` keeps pictures of the page; `docs/pictures/web_*.jpg` come from there. Skipped where there is no
Chromium; `test_web_photos.py` and `test_web_channel.py` ask the server for the same without one.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from web_client import ASTRONAUT

pytest.importorskip("fastapi", reason="needs the extra 'web'")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package 'playwright'")
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
if CHROMIUM is None:
    pytest.skip("there is no Chromium to test the page with (apt-get install chromium)", allow_module_level=True)

pytestmark = pytest.mark.xdist_group("browser")  # one server and one browser for all of them
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
AXE = Path(os.environ.get("MIMICA_AXE", ROOT / ".venv" / "axe-core" / "axe.min.js"))
PATIENCE = 30_000  # milliseconds: other tests may be running


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
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
                import time

                time.sleep(0.1)
        yield found[0]
        server.terminate()
        said = server.stdout.read()
        server.wait(20)
    assert "Traceback" not in said, said


@pytest.fixture(scope="module")
def browser(clip: Path) -> Iterator[Any]:
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
    page.set_input_files("#file", str(photo))
    page.wait_for_selector('[data-expression="happiness"]')


def shown(page: Any) -> np.ndarray:
    """What the canvas shows, uint8 (H, W, 3)."""
    data = page.evaluate("() => document.getElementById('after').toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB"))


def settled(page: Any, before: np.ndarray, same_size: bool = True) -> np.ndarray:
    """What the canvas shows once it differs from `before`; a preview of a larger photo is another size for a moment."""
    for _ in range(200):
        now = shown(page)
        if (now.shape == before.shape) is same_size and not (same_size and np.abs(now.astype(int) - before).max() <= 30):
            return now
        page.wait_for_timeout(50)
    raise AssertionError("the picture did not change")


def changed(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    return np.abs(after.astype(int) - before).max(axis=2) > 24


def test_upload_drag_undo_and_save(page: Any, tmp_path: Path) -> None:
    shoot(page, "welcome")
    upload(page)
    page.wait_for_timeout(300)
    before = shown(page)
    assert np.abs(before.astype(int) - np.asarray(Image.open(ASTRONAUT))).mean() < 2
    slider = page.locator('[data-control="AU26L AU26R"]')
    page.locator("summary", has_text="jaw").click()
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(box["x"] + 10 + step * box["width"] * 0.07, box["y"] + box["height"] / 2)
    during = settled(page, before)
    page.mouse.up()
    moved = changed(during, before)
    assert moved[135:185].sum() > 40 and moved[200:].sum() == 0 and moved[:60].sum() == 0, "the jaw, and nothing else"
    page.wait_for_function("() => Number(document.querySelector('[data-control=\"AU26L AU26R\"]').value) > 0.4")
    page.wait_for_timeout(600)
    page.keyboard.press("Control+z")
    page.wait_for_timeout(600)
    assert changed(shown(page), before).sum() == 0, "undone, the photo is back"
    page.keyboard.press("Control+Shift+z")
    settled(page, before)
    slider.dblclick()
    page.wait_for_timeout(600)
    assert changed(shown(page), before).sum() == 0, "a double click resets"
    number = page.locator('[aria-label="Jaw Drop, both sides, as a number"]')
    number.fill("0.5")
    number.press("Enter")
    settled(page, before)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert float(slider.input_value()) > 0.5
    with page.expect_download() as saved:
        page.click("#save-expression")
    assert json.loads(Path(saved.value.path()).read_text())["controls"]["AU26L"] > 0.5
    page.click("#save-picture")
    page.click("#tab-gallery")
    with page.expect_download() as saved:
        page.click("#download-all")
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert archive.testzip() is None and archive.namelist() == ["mimica-edited-1.jpg"]
        assert b"edited by Mimica" in archive.read("mimica-edited-1.jpg")


def test_presets_mixtures_sides_and_views(page: Any) -> None:
    upload(page)
    page.wait_for_function("() => document.querySelectorAll('.preset img[src^=\"blob:\"]').length >= 8")
    before = shown(page)
    page.click('[data-expression="surprise"]')
    surprised = settled(page, before)
    assert page.get_attribute('[data-expression="surprise"]', "aria-pressed") == "true"
    page.click("#compare")
    shoot(page, "face")
    page.keyboard.press("Tab")
    page.focus("#divider")
    page.keyboard.press("ArrowLeft")
    page.click("#layers")
    assert settled(page, surprised, same_size=False).shape[1] > 900, "input, attention, colours, flow, output"
    shoot(page, "layers")
    page.click("#layers")
    page.locator("label.switch", has_text="Mix").click()
    page.click('[data-expression="anger"]')
    assert page.locator('.mixer input[type="range"]').count() == 3
    page.locator("label.switch", has_text="Left and right together").click()
    assert page.locator('[data-control="AU12L"]').count() == 1 and page.locator('[data-control="AU12R"]').count() == 1
    page.click("#reset")
    page.wait_for_timeout(600)
    assert changed(shown(page), before).sum() == 0


def test_a_face_is_picked_in_a_group(page: Any, tmp_path: Path) -> None:
    one = np.asarray(Image.open(ASTRONAUT).convert("RGB"))[:300, 60:400]
    group = tmp_path / "group.png"
    Image.fromarray(np.hstack([one, one[:, ::-1]])).save(group)
    upload(page, group)
    page.wait_for_timeout(300)
    before = shown(page)
    assert page.locator(".outline").count() == 2
    shoot(page, "group")
    page.locator(".outline").nth(1).click()
    page.wait_for_selector('.outline[aria-pressed="true"] >> text=2')
    page.click('[data-expression="surprise"]')
    moved = changed(settled(page, before), before)
    assert moved[:, 340:].sum() > 100 and moved[:, :330].sum() == 0, "the second face alone"
    page.locator(".chip", has_text="All").click()
    page.wait_for_timeout(300)
    page.click('[data-expression="anger"]')
    for _ in range(100):  # the preview of both comes before the whole picture
        moved = changed(settled(page, before), before)
        if moved[:, :330].sum() > 50:
            break
        page.wait_for_timeout(100)
    assert moved[:, 340:].sum() > 50 and moved[:, :330].sum() > 50


def test_a_photo_without_a_face_is_told(page: Any, tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), (90, 120, 160)).save(tmp_path / "sky.png")
    page.set_input_files("#file", str(tmp_path / "sky.png"))
    page.wait_for_selector(".toast.bad")
    assert "no face was found" in page.inner_text(".toast.bad")


def test_script_faults_are_underlined_and_videos_exported(page: Any, tmp_path: Path) -> None:
    upload(page)
    page.click("#tab-time")
    page.wait_for_selector("#curves svg")
    assert page.locator(".key").count() == 4
    shoot(page, "time")
    page.click("#play")
    page.wait_for_function("() => parseFloat(document.querySelector('.clock').textContent) > 0.3")
    page.click("#play")
    page.locator(".segments button", has_text="Script").click()
    page.fill("#script", "happy 80% over 0.5s\nhold 0.8s\nblimk twice\n")
    page.wait_for_selector(".editor.wrong mark")
    assert page.inner_text("#verdict").startswith("line 3, column 1") and page.inner_text(".editor mark") == "blimk"
    assert page.get_attribute("#script", "aria-invalid") == "true"
    shoot(page, "script")
    page.fill("#script", "surprised over 0.3s\nphoto over 0.3s")
    page.wait_for_selector(".editor:not(.wrong)")
    page.wait_for_function("() => document.getElementById('verdict').textContent.startsWith('Understood')")
    page.select_option("#time-format", "gif")
    page.select_option("#time-size", "512")
    page.fill("#time-fps", "10")
    page.click("#time-export")
    page.wait_for_selector("#gallery-count:not([hidden])")
    page.click("#tab-gallery")
    with page.expect_download() as saved:
        page.click("#gallery a")
    with Image.open(saved.value.path()) as made:
        assert made.format == "GIF" and getattr(made, "n_frames", 1) >= 5
    shoot(page, "gallery")


def test_the_camera_moves_the_photo(page: Any, clip: Path) -> None:
    upload(page)
    page.click("#tab-drive")
    before = shown(page)
    page.click("#drive-start")
    page.wait_for_function("() => document.getElementById('drive-face').textContent === 'followed'")
    assert page.inner_text("#drive-latency").endswith("ms") and float(page.inner_text("#drive-rate")) > 0.5
    page.click("#record")
    page.wait_for_timeout(1500)  # some frames are wanted in the recording
    largest = 0
    for _ in range(60):
        largest = max(largest, changed(shown(page), before)[90:180, 180:272].sum())
        if largest > 60:
            break
        page.wait_for_timeout(100)
    assert largest > 60, "the camera's face became sad, and the photo with it"
    assert changed(shown(page), before)[480:, 420:].mean() > 0.3, "the mark"
    shoot(page, "drive")
    page.click("#drive-start")
    page.wait_for_selector("#drive-export")
    page.locator("#mark").uncheck()
    assert "Regulation 2024/1689" in page.inner_text(".law")


def test_a_film_moves_the_photo(page: Any, clip: Path) -> None:
    upload(page)
    page.click("#tab-drive")
    before = shown(page)
    page.locator(".segments button", has_text="Film").click()
    with page.expect_file_chooser() as chosen:
        page.click("#drive-start")
    chosen.value.set_files(str(clip / "film.mp4"))
    page.wait_for_function("() => document.getElementById('drive-face').textContent === 'followed'")
    assert changed(settled(page, before), before).sum() > 60
    page.wait_for_function("() => document.getElementById('drive-start').textContent === 'Start'")


def test_photos_are_dropped_and_pasted(page: Any) -> None:
    give = """async ([kind, name]) => {
      const blob = await (await fetch('/static/example.jpg')).blob();
      const data = new DataTransfer();
      data.items.add(new File([blob], 'photo.jpg', {type: 'image/jpeg'}));
      const event = new (kind === 'drop' ? DragEvent : ClipboardEvent)(kind, {[name]: data, bubbles: true, cancelable: true});
      document.body.dispatchEvent(event);
    }"""
    page.evaluate(give, ["drop", "dataTransfer"])
    page.wait_for_selector('[data-expression="happiness"]')
    page.click('[data-expression="surprise"]')
    page.wait_for_selector("#undo:not(:disabled)")
    page.evaluate(give, ["paste", "clipboardData"])
    page.wait_for_selector("#undo:disabled")
    page.wait_for_selector('[data-expression="surprise"][aria-pressed="false"]')


def test_shapes_and_colours_are_chosen(page: Any) -> None:
    upload(page)
    box = page.locator('[data-choice="glasses shape"]')
    before = shown(page)
    box.select_option("round")
    round_ones = settled(page, before)
    assert changed(round_ones, before).sum() > 100, "what is chosen is put on"
    page.locator('[data-choice="glasses frame"]').select_option("gold")
    assert changed(settled(page, round_ones), round_ones).sum() > 50
    page.click("#undo")
    page.wait_for_function("""() => document.querySelector('[data-choice="glasses frame"]').value === "black"
        && document.querySelector('[data-choice="glasses shape"]').value === "round" """)


def test_engines_seeds_and_transitions(page: Any) -> None:
    upload(page)
    page.click("#tab-make")
    page.select_option("#maker", "vae")
    page.fill("#seeds", "1-2")
    page.click("#sample")
    page.wait_for_selector("#samples img")
    assert page.locator("#samples img").count() == 2
    page.select_option("#engine", "vae")
    page.wait_for_selector('[data-control="smile"]', state="attached")
    before = shown(page)
    slider = page.locator('[data-control="smile"]')
    slider.focus()
    page.keyboard.press("End")
    assert changed(settled(page, before), before).sum() > 100
    shoot(page, "attributes")


def test_a_phone_and_the_dark(browser: Any, address: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True, device_scale_factor=2)
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    page.tap("#example")
    page.wait_for_selector('[data-expression="happiness"]')
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    for tab in ("time", "drive", "make", "gallery", "face"):
        page.tap(f"#tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, f"{tab} is wider than the phone"
    page.tap('[data-expression="surprise"]')
    page.wait_for_timeout(1500)
    shoot(page, "phone")
    page.tap("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.close()


@pytest.mark.skipif(not AXE.is_file(), reason=f"axe-core is not at {AXE} (.ci/browser fetches it)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, address: str, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 1360, "height": 850}, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    page.add_script_tag(path=str(AXE))
    found = {"welcome": axe(page)}
    page.click("#example")
    page.wait_for_selector('[data-expression="happiness"]')
    page.click('[data-expression="surprise"]')
    for tab in ("face", "time", "drive", "make", "gallery"):
        page.click(f"#tab-{tab}")
        page.wait_for_timeout(250)
        found[tab] = axe(page)
    context.close()
    assert not any(found.values()), json.dumps(found, indent=1)


def axe(page: Any) -> list[Any]:
    """Violations that are serious or critical: rule, and the elements."""
    result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    serious = [one for one in result["violations"] if one["impact"] in ("serious", "critical")]
    return [
        (one["id"], [node["html"][:160] + " | " + node["failureSummary"][:200] for node in one["nodes"][:4]]) for one in serious
    ]
