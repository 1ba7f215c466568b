"""The page's other tabs in a real browser, its fake camera fed with a clip of the astronaut; a phone, the dark, axe.

`MIMICA_SCREENSHOTS=FOLDER` keeps pictures of the page; `docs/pictures/web_*.jpg` come from there. Skipped where there is no
Chromium; `test_web_photos.py` and `test_web_channel.py` ask the server for the same without one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from browser_page import PATIENCE, changed, needs_chromium, settled, shoot, shown, upload
from PIL import Image

needs_chromium()
pytestmark = pytest.mark.xdist_group("browser")  # one server and one clip for all of them
ROOT = Path(__file__).parents[2]
AXE = Path(os.environ.get("MIMICA_AXE", ROOT / ".venv" / "axe-core" / "axe.min.js"))


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
