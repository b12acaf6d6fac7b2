"""The tools of a profile: those that it names, and those that installed packages bring."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from voicebot.errors import ProfileError
from voicebot.interfaces import Capabilities
from voicebot.plugins import nearest
from voicebot.profile.nodes import Node, Place
from voicebot.profile.problems import combined, problem_at
from voicebot.settings import ToolChoice
from voicebot.tools.errors import ToolLoadError
from voicebot.tools.hook import Brought
from voicebot.tools.loading import load_function
from voicebot.tools.spec import Tool, tool_from

__all__ = ["find_tools", "without_use"]

_log = logging.getLogger(__name__)


def find_tools(
    choices: Sequence[ToolChoice | str],
    *,
    installed: bool = True,
    brought: Iterable[Brought] = (),
    base_dir: Path = Path(),
    tree: Node | None = None,
    file: Path | None = None,
) -> tuple[Tool, ...]:
    """The tools that the language model is offered, those that the profile names first.

    Args:
        choices: the profile's `agent.tools`.
        installed: whether what packages bring is offered without being named.
        brought: what packages bring. One that cannot be a tool, or whose name is taken, is left out with a warning,
            unless the profile names it.
        base_dir: the profile's folder.
        tree, file: the profile as it was read, for messages.

    Raises:
        ProfileError: tools that the profile names cannot be found, cannot be tools, or share a name; all are listed.
    """
    problems: list[ProfileError] = []
    found: dict[str, Tool] = {}
    waiting: dict[str, list[Brought]] = {}
    for one in brought:
        waiting.setdefault(str(getattr(one.function, "__name__", "?")), []).append(one)
    for index, entry in enumerate(choices):
        choice = ToolChoice(use=entry) if isinstance(entry, str) else entry
        try:
            tool = _chosen(choice, waiting, base_dir)
            if rival := found.get(tool.spec.name):
                raise ToolLoadError(
                    f"the name {tool.spec.name!r} is taken by {rival.origin}",
                    hint="Give one of them another: {use: …, name: …}.",
                )
            found[tool.spec.name] = tool
        except ToolLoadError as error:
            place = problem_at(
                tree or Node({}, Place()), ["agent", "tools", index], error.message, hint=error.hint
            )
            problems.append(place)
    if problems:
        raise combined(problems, file)
    if installed:
        _add_brought(
            found, waiting, {choice if isinstance(choice, str) else choice.use for choice in choices}
        )
    return tuple(found.values())


def _chosen(choice: ToolChoice, brought: dict[str, list[Brought]], base_dir: Path) -> Tool:
    target = choice.use.strip()
    if ":" in target:
        function, origin = load_function(target, base_dir), target
    else:
        named = brought.get(target, [])
        if len(named) > 1:
            claims = " and ".join(one.origin for one in named)
            raise ToolLoadError(
                f"two packages bring a tool {target!r}: {claims}", hint="Name it as `module:function`."
            )
        if not named:
            close = nearest(target, brought)
            raise ToolLoadError(
                f"no installed package brings a tool {target!r}"
                + (f"; did you mean {close!r}?" if close else ""),
                hint="A function of yours is named `module:function`, or `./file.py:function`. "
                f"Tools of installed packages: {', '.join(sorted(brought)) or 'none'}.",
            )
        function, origin = named[0].function, named[0].origin
    return tool_from(
        function, name=choice.name, origin=origin, deadline_s=choice.deadline_s, filler=choice.filler
    )


def _add_brought(found: dict[str, Tool], brought: dict[str, list[Brought]], named: set[str]) -> None:
    for name, several in brought.items():
        if name in named:
            continue
        for one in several:
            try:
                tool = tool_from(one.function, origin=one.origin)
            except ToolLoadError as error:
                _log.warning("the tool %r of %s is left out: %s", name, one.origin, error.message)
                continue
            if rival := found.get(tool.spec.name):
                _log.warning(
                    "the tool %r of %s is left out: %s has one of that name", name, one.origin, rival.origin
                )
                continue
            found[tool.spec.name] = tool


def without_use(tools: Sequence[Tool], models: Iterable[tuple[str, Capabilities]]) -> str:
    """What to warn of, where language models of a profile cannot call its tools; "" where all can.

    Args:
        models: name and capabilities of each plugin of the chain.
    """
    unable = [name for name, capabilities in models if not capabilities.tools]
    if not tools or not unable:
        return ""
    names = ", ".join(tool.spec.name for tool in tools)
    return f"llm: {', '.join(unable)} cannot call tools, and answers without these: {names}"
