"""Our own transports pass the checks that we ask of others'."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.plugins.transport_mediasoup.test_front import Stage
from tests.plugins.transport_webrtc.peers import HERE, browser
from tests.plugins.transport_webrtc.support import page, running_front
from tests.plugins.transport_webrtc.test_transport import connected
from tests.support.scripted_plugins.voicebot_scripted.transport import ScriptedTransport, TransportConfig

from voicebot.audio import AudioChunk
from voicebot.interfaces import Connection, Transport
from voicebot.testing import context
from voicebot.testing.conformance import TransportConformance
from voicebot.wav import write_wav
from voicebot_transport_mediasoup import MediasoupConfig, MediasoupTransport
from voicebot_transport_mediasoup import front as sfu
from voicebot_transport_wav import WavConfig, WavTransport
from voicebot_transport_webrtc import WebRtcConfig, WebRtcTransport


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calls")


class TestWav(TransportConformance):
    @pytest.fixture(autouse=True)
    def given(self, folder: Path) -> None:
        self.folder = folder
        write_wav(folder / "in.wav", AudioChunk(np.ones(16_000, np.int16), 16_000))

    def make(self, source: str = "in.wav") -> WavTransport:
        config = WavConfig(input=Path(source), output=Path("out.wav"))
        return WavTransport(config, context(base_dir=self.folder))

    def make_broken(self) -> WavTransport:
        return self.make("nothing.wav")


class TestWebRtc(TransportConformance):
    @pytest.fixture(autouse=True)
    def given(self, folder: Path) -> None:
        self.settings: dict[str, Any] = {"port": 0, "socket": folder / "calls.sock", "ice_addresses": HERE}

    def make(self) -> WebRtcTransport:
        return WebRtcTransport(WebRtcConfig.model_validate(self.settings), context())

    @asynccontextmanager
    async def call(self, transport: Transport) -> AsyncIterator[Connection]:
        assert isinstance(transport, WebRtcTransport)
        async with (
            running_front(self.settings["socket"].parent, ice_addresses=HERE) as front,
            page(front) as caller,
            browser() as peer,
            connected(front, transport.connections(), caller, peer) as connection,
        ):
            yield connection


class TestMediasoup(TransportConformance):
    """With a stand-in for Node.js."""

    @pytest.fixture(autouse=True)
    def given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sfu = Stage(tmp_path)
        self.sfu.acts("serve")
        monkeypatch.setattr(sfu, "find_page", lambda: tmp_path)
        monkeypatch.setenv("MEDIASOUP_WORKER_BIN", str(self.sfu.worker))

    def make(self, **program: str) -> MediasoupTransport:
        program = {"node": str(self.sfu.node), "dir": str(self.sfu.folder), **program}
        values = {"port": 0, "socket": self.sfu.socket, "sfu": program}
        return MediasoupTransport(MediasoupConfig.model_validate(values), context())

    def make_broken(self) -> MediasoupTransport:
        return self.make(node="no such program")


class TestOverASocket(TransportConformance):
    """The transport that the tests of call workers use."""

    @pytest.fixture(autouse=True)
    def given(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> ScriptedTransport:
        return ScriptedTransport(TransportConfig(), context(base_dir=self.folder))
