"""The call page, as a user reads and presses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page
from tests.browser.support.chromium import Chromium, chromium

__all__ = ["CallPage", "calling"]

_TIMEOUT_S = 45


@dataclass(frozen=True)
class CallPage:
    page: Page

    @classmethod
    async def open(cls, browser: Chromium, url: str) -> CallPage:
        page = await browser.open(url)
        page.set_default_timeout(_TIMEOUT_S * 1000)
        return cls(page)

    async def talk(self) -> None:
        """Press the button, and wait until the agent listens."""
        await self.press()
        await self.state("listening")

    async def press(self) -> None:
        """Press the button: begins a call, and hangs up where there is one."""
        await self.page.click("#talk")

    async def state(self, *names: str) -> str:
        """Wait until the page shows one of the states; which one."""
        selector = ", ".join(f"#state[data-state={name}]" for name in names)
        element = await self.page.wait_for_selector(selector, state="attached")
        assert element is not None
        return str(await element.get_attribute("data-state"))

    async def states(self) -> list[tuple[float, str]]:
        """(page's time in ms, state) of all that it has shown since it was opened."""
        return [(at, name) for at, name in await self.page.evaluate("() => __harness.states")]

    async def volumes(self) -> list[tuple[float, float]]:
        """(page's time in ms, 0 to 1): how loud it let the agent be, whenever it changed that."""
        return [(at, volume) for at, volume in await self.page.evaluate("() => __harness.volumes")]

    async def now_ms(self) -> float:
        now: float = await self.page.evaluate("() => performance.now()")
        return now

    def line(self, role: str, turn: int, *, final: bool = True) -> Locator:
        """The transcript's line of that turn."""
        ending = "[data-final=true]" if final else ""
        return self.page.locator(f"#transcript li[data-role={role}][data-turn='{turn}']{ending}")

    async def said(self, role: str, turn: int = 1) -> str:
        """What the user or the agent said in that turn, once it is final."""
        line = self.line(role, turn)
        await line.wait_for(state="attached")
        return (await line.locator(".text").inner_text()).strip()

    async def ending(self, turn: int = 1) -> str:
        """How the agent's answer ended, once it has: finished, interrupted, failed."""
        line = self.line("agent", turn)
        await line.wait_for(state="attached")
        return str(await line.get_attribute("data-ending"))

    async def heard_ms(self) -> float:
        """The latest voice-to-voice time that it measured, once there is one."""
        shown = self.page.locator(".heard[data-ms]").last
        await shown.wait_for(state="attached")
        return float(await shown.get_attribute("data-ms") or "nan")

    async def problem(self) -> str:
        """The code of the problem that it tells of, once it does."""
        shown = self.page.locator("#error[data-code]:not([data-code=''])")
        await shown.wait_for(state="visible")
        return str(await shown.get_attribute("data-code"))

    async def wait_until(self, expression: str, arg: Any = None, *, timeout_s: float = _TIMEOUT_S) -> None:
        """Wait for a JavaScript function to give something true."""
        await self.page.wait_for_function(expression, arg=arg, timeout=timeout_s * 1000)


@asynccontextmanager
async def calling(
    url: str, microphone: Path, *, record: bool = True
) -> AsyncIterator[tuple[CallPage, Chromium]]:
    """A browser in a call, with an agent that listens. Its page hangs up at the end."""
    async with chromium(microphone, record=record) as browser:
        page = await CallPage.open(browser, url)
        await page.talk()
        yield page, browser
        await page.press()
        await page.state("ended")
