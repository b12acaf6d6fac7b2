"""The page fits on a telephone and on a desk, in every state; what it looks like is kept beside the test's files."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.browser.support.call_page import CallPage
from tests.browser.support.chromium import chromium
from tests.browser.support.server import SCRIPTED, over, serving

SIZES = {"small": (320, 568), "desk": (1280, 800)}
# Everything keeps the margins that the header has.
OUTSIDE = """() => {
  const margins = document.querySelector("header").getBoundingClientRect();
  return [...document.querySelectorAll("button, select, li, .level, #error")]
    .filter((element) => element.checkVisibility())
    .filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      return left < margins.left - 0.5 || right > margins.right + 0.5;
    })
    .map((element) => element.id || element.className || element.tagName);
}"""


def test_nothing_is_cut_off(question: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(SCRIPTED, over("webrtc")) as server, chromium(question) as browser:
            page, other = [await CallPage.open(browser, server.url) for _ in range(2)]
            await _look(page, tmp_path, "idle")
            await page.talk()
            await other.press()
            assert await other.problem() == "busy"
            await _look(other, tmp_path, "problem")
            await page.page.bring_to_front()
            await page.page.click("#settings")
            await page.state("agent_speaking")
            await _look(page, tmp_path, "speaking")
            await page.heard_ms()
            await page.ending()
            await _look(page, tmp_path, "answered")
            await page.press()
            await page.state("ended")
            await _look(page, tmp_path, "ended")

    asyncio.run(main())


async def _look(page: CallPage, folder: Path, state: str) -> None:
    for name, (width, height) in SIZES.items():
        await page.page.set_viewport_size({"width": width, "height": height})
        await page.page.emulate_media(color_scheme="dark" if name == "desk" else "light")
        assert await page.page.evaluate(OUTSIDE) == [], f"{state}, {name}"
        await page.page.screenshot(path=folder / f"{state}-{name}.png")
