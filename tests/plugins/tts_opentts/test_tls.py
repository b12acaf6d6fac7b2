"""A server behind TLS: trusted by SSL_CERT_FILE, kept open, hung up on; a certificate of nobody is refused."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.plugins.tts_opentts.support import Held, chunks_of, provider

from voicebot.errors import EngineError
from voicebot.testing.fakes.http import FakeServer
from voicebot.testing.fakes.opentts import app


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


def behind_tls(held: Held, certificate: Path) -> FakeServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return FakeServer(app(before=held), ssl_context=context)


def test_it_speaks_over_one_connection_and_hangs_up(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def main() -> None:
        held = Held()
        async with behind_tls(held, certificate) as server, asyncio.timeout(30):
            tts = provider(server.url)
            held.let_go.set()
            await tts.warmup()
            assert await chunks_of(tts, "Good morning. How are you?")
            assert server.connections == 1
            held.let_go.clear()
            while not held.begun.empty():
                held.begun.get_nowait()
            speaking = asyncio.create_task(chunks_of(tts, "Hello."))
            await held.begun.get()
            speaking.cancel()
            await asyncio.wait([speaking])
            await server.wait_hung_up()
            await tts.aclose()

    asyncio.run(main())


def test_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    async def main() -> None:
        async with behind_tls(Held(), certificate) as server, asyncio.timeout(30):
            tts = provider(server.url)
            with pytest.raises(EngineError, match="cannot be trusted") as raised:
                await tts.warmup()
            assert "SSL_CERT_FILE" in str(raised.value)
            assert server.requests == []
            await tts.aclose()

    asyncio.run(main())
