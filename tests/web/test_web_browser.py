"""The page in a real browser, a photo being edited: Chromium without a window.

`MIMICA_SCREENSHOTS=FOLDER` keeps pictures of the page; `docs/pictures/web_*.jpg` come from there. Skipped where there is no
Chromium; `test_web_photos.py` and `test_web_channel.py` ask the server for the same without one.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_page import changed, needs_chromium, settled, shoot, shown, upload
from PIL import Image
from web_client import ASTRONAUT

needs_chromium()
pytestmark = pytest.mark.xdist_group("browser")  # one server and one clip for all of them


def test_upload_drag_undo_and_save(page: Any, tmp_path: Path) -> None:
    shoot(page, "welcome")
    upload(page)
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
