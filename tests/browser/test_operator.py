"""An operator looks at a call from another tab, and ends it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.browser.support.call_page import CallPage
from tests.browser.support.chromium import Chromium, chromium
from tests.browser.support.server import SCRIPTED, over, serving

PASSWORD = "a password of the operator"
OPERATOR = {
    "VOICEBOT_OPERATOR__PORT": "0",
    "VOICEBOT_OPERATOR__PASSWORD": PASSWORD,
    "VOICEBOT_OPERATOR__TRANSCRIPTS": "true",
    "VOICEBOT_KEEP__CONSENT": "given",
    "VOICEBOT_LLM__REPLIES": '["It is five."]',
    "VOICEBOT_ACCESS__TEXTS__CLOSING": "Goodbye.",
}
SIZES = {"small": (320, 568, "light"), "desk": (1280, 800, "dark")}
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("transport", ["webrtc"], indirect=True)
def test_an_operator_sees_a_call_and_ends_it(transport: str, question: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(SCRIPTED, over(transport) | OPERATOR) as server, chromium(question) as browser:
            address = (await server.says(r"Operator's page: (http://\S+)"))[1]
            operator = await signed_in(browser, address)
            expect.set_options(timeout=45_000)
            await expect(operator.locator("#none")).to_be_visible()
            await expect(operator.locator("#next")).to_have_text("would be taken")

            caller = await CallPage.open(browser, server.url)
            await caller.talk()
            await caller.page.bring_to_front()
            assert await caller.ending() == "finished"
            await operator.bring_to_front()
            call = operator.locator("article")
            await expect(call.locator(".turns > li")).to_have_count(1)
            await expect(call.locator(".turns")).to_contain_text("End of turn")
            assert await call.locator(".bar").count() >= 4
            await expect(call.locator(".lines")).to_contain_text("Agent: It is five.")
            await expect(operator.locator("#workers")).to_have_text("1: in a call")
            await expect(operator.locator("#next")).to_have_text("refused: no call worker is free")
            for name, (width, height, scheme) in SIZES.items():
                await operator.set_viewport_size({"width": width, "height": height})
                await operator.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                assert await operator.evaluate(TOO_WIDE) <= 0, name
                await operator.screenshot(path=tmp_path / f"{name}.png", full_page=True)

            # By the keyboard alone: the button, and the first choice of the dialogue.
            await end_by_keyboard(operator)
            await caller.state("ended")
            await expect(call).to_have_count(0)
            await expect(operator.locator("#said")).to_contain_text("has ended")
            [report] = await server.reports()

        assert browser.errors == []
        assert report["turns"][-1]["agent_text"] == "It is five."

    asyncio.run(main())


async def signed_in(browser: Chromium, address: str) -> Page:
    """The operator's page, in a window of its own that knows the password."""
    assert browser.context.browser is not None
    window = await browser.context.browser.new_context(
        http_credentials={"username": "any", "password": PASSWORD}
    )
    page = await window.new_page()
    page.set_default_timeout(45_000)
    browser.watch(page)
    await page.goto(address)
    return page


async def end_by_keyboard(page: Page) -> None:
    await page.locator("article button").focus()
    await page.keyboard.press("Enter")
    dialog = page.locator("#ending")
    await expect(dialog).to_be_visible()
    await expect(dialog.get_by_role("button", name="Say goodbye")).to_be_focused()
    await page.keyboard.press("Enter")
