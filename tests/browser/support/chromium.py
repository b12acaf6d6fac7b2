"""Chromium without a window, with a WAV file for a microphone."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright
from tests.browser.support.processes import Process, all_gone, descendants

__all__ = ["Chromium", "chromium", "find_chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_RECORDER = Path(__file__).with_name("recorder.js")


def find_chromium() -> str:
    """The browser on this machine. Playwright's own download is not needed.

    Raises:
        LookupError: there is none.
    """
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise LookupError(
        f"No browser: none of {', '.join(_NAMES)} is on the PATH. On Debian: apt-get install chromium"
    )


@dataclass
class Chromium:
    """A running browser of one test."""

    context: BrowserContext
    processes: list[Process]
    """The browser's first process comes first."""
    errors: list[str] = field(default_factory=list)
    """Uncaught exceptions of pages, and what they wrote to the console as errors."""

    async def open(self, url: str) -> Page:
        """A tab; its sound is recorded (see `recording`)."""
        page = await self.context.new_page()
        self.watch(page)
        await page.goto(url)
        return page

    def watch(self, page: Page) -> None:
        """What goes wrong in it is among the errors."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)


@asynccontextmanager
async def chromium(
    microphone: Path | None, *, refuse: bool = False, record: bool = True
) -> AsyncIterator[Chromium]:
    """A browser for one test; when the block is left, none of its processes is.

    Args:
        microphone: a WAV file whose name has no %. It begins to play when a page opens the microphone (again with
            every time that happens), and is followed by silence. None: the machine has no microphone.
        refuse: the user does not let the page use the microphone.
        record: keep what pages hear and say, for `recording`.
    """
    flags = [
        "--allow-loopback-in-peer-connection",
        "--autoplay-policy=no-user-gesture-required",
        # Otherwise host candidates are .local names, which nobody resolves in here.
        "--disable-features=WebRtcHideLocalIpsWithMdns",
        # Tabs in the background keep their timers.
        "--disable-background-timer-throttling",
    ]
    if not refuse:
        flags.append("--use-fake-ui-for-media-stream")
    if microphone is not None:
        flags += [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}%noloop",
        ]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    before = set(descendants(os.getpid()))
    async with async_playwright() as playwright:
        [driver] = [
            process
            for process in descendants(os.getpid())
            if process not in before and process.parent == os.getpid() and "run-driver" in process.command()
        ]
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=flags)
        try:
            context = await browser.new_context()
            script = _RECORDER.read_text()
            await context.add_init_script(script if record else script + "__harness.recording = false;")
            yield Chromium(context, descendants(driver.pid))
        finally:
            # Once more: tabs have processes of their own.
            own = [driver, *descendants(driver.pid)]
            await browser.close()
    left = await all_gone(own)
    assert not left, f"processes of the browser outlived it: {left}"
