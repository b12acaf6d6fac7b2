"""`voicebot token`: a call token."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from voicebot.profile import Profile

__all__ = ["token"]


@click.command()
@click.option("--profile", "-p", required=True, help="A profile's file, or the bare name of a known one.")
@click.option(
    "--ttl", default=60.0, show_default=True, help="How long it holds (s): the call must begin by then."
)
@click.option("--max-call", type=float, help="The longest call with it (s); by default as the profile says.")
@click.option("--label", default="", help="Whom it is for, for the front's log.")
@click.option("--origin", default="", help="The only site whose page may use it, as https://example.org.")
@click.option(
    "--url",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[PAGE]",
    help="Print the page's address with it; PAGE is the page as callers reach it, by default as the profile says.",
)
def token(profile: str, ttl: float, max_call: float | None, label: str, origin: str, url: str | None) -> None:
    """Print a token that is good for one call.

    It is signed with the profile's access.secret. A program of yours can make such tokens, too: docs/access.md.

    \b
    Examples:
      voicebot token --profile prod
      voicebot token --profile prod --ttl 3600 --max-call 600 --label "Ann Smith"
      voicebot token --profile prod --url https://talk.example.org/
    """
    from voicebot.access.secrets import call_secrets
    from voicebot.access.tokens import LONGEST_CALL_S, LONGEST_TEXT, make_token
    from voicebot.errors import VoicebotError
    from voicebot.profile import load_profile

    loaded = load_profile(profile)
    settings = loaded.access
    secrets = call_secrets(settings, loaded.base_dir)
    if not secrets:
        raise VoicebotError(
            f"{loaded.file}: calls need no token: access.secret is not set.",
            hint="Add  access: {secret: '${CALL_SECRET}'}  and set that variable: openssl rand -hex 32",
        )
    # Whole seconds are counted in a token: of less than one nothing would be left.
    if not 1 <= ttl <= settings.max_ttl_s:
        raise VoicebotError(
            f"--ttl {ttl:g}: a token holds for 1 to {settings.max_ttl_s:g} s.",
            hint="The profile's access.max_ttl_s says how long at most.",
        )
    if max_call is not None and not 1 <= max_call <= LONGEST_CALL_S:
        raise VoicebotError(f"--max-call {max_call:g}: a call lasts for 1 to {LONGEST_CALL_S:g} s.")
    for name, text in (("--label", label), ("--origin", origin)):
        if len(text) > LONGEST_TEXT:
            raise VoicebotError(f"{name}: {LONGEST_TEXT} characters at most.")
    made = make_token(
        secrets[0],
        audience=settings.audience,
        now_s=time.time(),
        ttl_s=ttl,
        label=label,
        max_call_s=max_call,
        origin=origin,
    )
    click.echo(made if url is None else f"{(url or _page(loaded)).partition('#')[0]}#token={made}")


def _page(profile: Profile) -> str:
    """The page's address, as far as the profile knows it."""
    from voicebot.link.settings import FrontSettings

    settings = profile.transport[0].settings
    host, port = (settings.get(name, FrontSettings.model_fields[name].default) for name in ("host", "port"))
    host = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in str(host) else host
    return f"http://{host}:{port}/"
