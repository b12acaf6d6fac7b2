"""The profile reference in Markdown, written from the models: `python -m voicebot.profile.reference FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from voicebot.interfaces import KINDS
from voicebot.plugins import list_plugins, load_plugin
from voicebot.profile.model import CHAIN_KINDS, SETTINGS, VALUES, Profile
from voicebot.profile.rows import COMPUTED, REQUIRED, Row, field_rows

__all__ = ["profile_reference"]

_HEAD = """\
# Profile reference

Every key of a profile, with its type, its default and its limits. How profiles work is in
[profiles.md](profiles.md); `voicebot plugins show NAME` tells the same of plugins installed from elsewhere.

A dot leads into a mapping: `rtc.port` is written `rtc: {port: 41000}`. `[]` stands for each entry of a list, `*` for
each key of a mapping whose keys are free. Where the default of a mapping is `{}`, the defaults of its keys hold. What
is required within a mapping or an entry is so only where there is one.

This page is written from the models by `python -m voicebot.profile.reference docs/profile-reference.md`.
"""


def profile_reference(distribution: str = "voicebot-kit") -> str:
    """The reference of the core's sections and of one distribution's plugins."""
    values = [row for row in field_rows(Profile) if row.key in VALUES]
    parts = [_HEAD, "## Single values\n", _table(values), "## The core's sections\n"]
    for name in SETTINGS:
        field = Profile.model_fields[name]
        assert isinstance(field.annotation, type)
        parts.append(f"### `{name}`\n\n{field.description}\n\n{_table(field_rows(field.annotation))}")
    for kind in KINDS:
        field = Profile.model_fields[kind]
        chain = " Takes a list, too: an ordered fallback chain." if kind in CHAIN_KINDS else ""
        required = "Required." if field.is_required() else f"Default: `{field.default[0].use}`."
        parts.append(f"## `{kind}`\n\n{field.description}{chain} {required}\n")
        for info in list_plugins(kind):
            if info.distribution == distribution:
                table = _table(field_rows(load_plugin(kind, info.name).Config))
                parts.append(f"### `{kind}: {info.name}`\n\n{table}")
    return "\n".join(parts)


def _table(rows: list[Row]) -> str:
    if not rows:
        return "No settings.\n"
    lines = ["| key | type | default | |", "|---|---|---|---|"]
    for key, kind, default, description in rows:
        cells = (
            f"`{key}`",
            kind,
            default if default in (REQUIRED, COMPUTED) else f"`{default}`",
            description,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(profile_reference(), encoding="utf-8")
