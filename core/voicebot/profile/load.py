"""Loading a profile from its file and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from voicebot.errors import ProfileError
from voicebot.profile.environment import overrides
from voicebot.profile.find import find_profile
from voicebot.profile.layers import merge, read_chain
from voicebot.profile.model import Profile
from voicebot.profile.problems import combined, explain
from voicebot.profile.resolve import plugin_problems

__all__ = ["load_profile"]


def load_profile(path_or_name: str | Path, *, environ: Mapping[str, str] | None = None) -> Profile:
    """Load a profile: a YAML file, what it extends, and `VOICEBOT_…` overrides (the environment wins).

    Only the variables of what is left after that are needed: a section that a later layer replaces wants nothing.

    Args:
        path_or_name: a file, or the bare name of one in ./configs or among the bundled profiles.
        environ: instead of the process's environment.

    Raises:
        ProfileError: anything is wrong; it lists all problems, each with its file and line or its variable.
            Plugins' own settings are checked by `voicebot.profile.resolve`.
    """
    environ = os.environ if environ is None else environ
    file = find_profile(path_or_name)
    problems: list[ProfileError] = []
    tree = read_chain(file, environ, problems)
    tree = merge(tree, overrides(environ, problems), problems)
    problems += [problem for node in tree.scalars() for problem in node.problems]
    try:
        profile = Profile.model_validate(tree.plain())
    except ValidationError as error:
        problems += explain(error, Profile, tree)
    if problems:
        raise combined(problems + plugin_problems(tree, file), file)
    profile._file, profile._tree = file, tree
    return profile
