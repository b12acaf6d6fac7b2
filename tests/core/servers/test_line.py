"""Settings, hints and ends of a line to a server; what goes over it is tested with the plugins that use it."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from pydantic import ValidationError

from voicebot.errors import EngineError
from voicebot.servers import ModelServerConfig
from voicebot.servers.client import Refused
from voicebot.servers.line import Line
from voicebot.testing.fakes.faults import Fault
from voicebot.testing.fakes.http import FakeServer, Request, Response, json_response


def line(base_url: str, **how: str) -> Line:
    config = ModelServerConfig(base_url=base_url, model="m")
    return Line(config, "The interpreter", what="interpretations", **how)


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "localhost:8000", "http://", "http://x:0", "http://[oops", "http://me:pw@x", "http://x?a=1"],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValidationError, match="must "):
        ModelServerConfig.model_validate({"base_url": url, "model": "m"})


def test_an_address_has_no_stroke_at_its_end() -> None:
    assert ModelServerConfig(base_url="http://[::1]:5500/v1/", model="m").base_url == "http://[::1]:5500/v1"


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("https://api.openai.com/v1", "${OPENAI_API_KEY}"),
        ("https://api.groq.com/openai/v1", "${GROQ_API_KEY}"),
        ("http://127.0.0.1:8000/v1", ""),
    ],
)
def test_the_key_is_looked_for_where_people_have_it(url: str, variable: str) -> None:
    hint = line(url).explain(Refused(401, b"", "")).hint
    assert "`api_key`" in hint
    assert hint.count("$") == (1 if variable else 0)
    assert variable in hint
    assert "${MY_KEY}" in line(url, key_variable="MY_KEY").explain(Refused(401, b"", "")).hint


def test_what_is_missing_is_named() -> None:
    error = line("http://127.0.0.1:8000/v1").explain(Refused(404, b'{"detail": "Not Found"}', ""))
    assert error.message == "http://127.0.0.1:8000/v1 has no model 'm', or no interpretations: Not Found."
    assert "`base_url`" in error.hint


def test_a_closed_line_says_whose_it_was_also_to_who_waits() -> None:
    async def handler(request: Request) -> Response:
        return json_response({"data": []})

    async def main() -> None:
        async with FakeServer(handler) as server:
            server.faults.append(Fault("stall_before"))
            ours = line(server.url)
            looking = asyncio.create_task(ours.look())
            while not server.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await ours.aclose()
            for work in (looking, ours.look()):
                with pytest.raises(EngineError, match=r"^The interpreter was closed\.$"):
                    await work
            await ours.aclose()

    asyncio.run(main())


def test_settings_alone_load_no_network_code() -> None:
    code = "import sys, voicebot.servers; sys.exit('httpx' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
