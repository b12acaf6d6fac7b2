"""`voicebot schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from voicebot.errors import VoicebotError

__all__ = ["schema"]


@click.command()
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
def schema(output: Path | None) -> None:
    """Write the JSON Schema of profiles, with the settings of all plugins installed here.

    \b
    Examples:
      voicebot schema --output profile.schema.json
    and in the first line of a profile, for editors with a YAML language server:
      # yaml-language-server: $schema=../profile.schema.json
    """
    from voicebot.profile.schema import profile_schema

    built = profile_schema()
    if "$comment" in built:
        click.echo(built["$comment"], err=True)
    text = json.dumps(built, indent=2, ensure_ascii=False)
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise VoicebotError(f"{output} cannot be written: {error.strerror}") from error
