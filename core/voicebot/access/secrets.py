"""The secrets that call tokens are signed with."""

from __future__ import annotations

from pathlib import Path

from voicebot.access.settings import AccessSettings
from voicebot.errors import VoicebotError

__all__ = ["MIN_SECRET_BYTES", "AccessError", "call_secrets"]

MIN_SECRET_BYTES = 32
"""HS256 is no stronger than its key: RFC 7518 section 3.2 asks for the length of the hash."""
_LONGEST_FILE = 10_000
_MAKE_ONE = "Make one: openssl rand -hex 32"


class AccessError(VoicebotError):
    """The profile's section `access:` cannot be used as it is."""

    code = "access"


def call_secrets(settings: AccessSettings, base_dir: Path = Path()) -> tuple[bytes, ...]:
    """The secrets: the first signs, all are taken; none where the profile has none.

    Args:
        base_dir: what a relative `secret_file` is relative to.

    Raises:
        AccessError: one is shorter than 32 bytes, or the file cannot be read or holds none.
    """
    if settings.secret_file is not None:
        return _of_file(base_dir / settings.secret_file.expanduser())
    given = {"access.secret": settings.secret, "access.previous_secret": settings.previous_secret}
    return tuple(
        _checked(secret.get_secret_value(), name) for name, secret in given.items() if secret is not None
    )


def _of_file(path: Path) -> tuple[bytes, ...]:
    try:
        with path.open(encoding="utf-8") as file:
            lines = file.read(_LONGEST_FILE).split("\n")
    except OSError as error:
        raise AccessError(
            f"access.secret_file: {path} cannot be read: {error.strerror or error}", hint=_MAKE_ONE
        ) from error
    except UnicodeDecodeError as error:
        raise AccessError(f"access.secret_file: {path} is not text", hint=_MAKE_ONE) from error
    secrets = [line.strip() for line in lines if line.strip()]
    if not 1 <= len(secrets) <= 2:
        raise AccessError(
            f"access.secret_file: {path} must hold one line, or two: it has {len(secrets)}", hint=_MAKE_ONE
        )
    return tuple(_checked(secret, f"access.secret_file: {path}") for secret in secrets)


def _checked(secret: str, where: str) -> bytes:
    data = secret.strip().encode()
    if len(data) < MIN_SECRET_BYTES:
        raise AccessError(
            f"{where}: a secret of {len(data)} bytes is too short, it takes {MIN_SECRET_BYTES}",
            hint=_MAKE_ONE,
        )
    return data
