"""From a profile to the plugin classes it names, with their settings validated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from voicebot.errors import PluginError, PluginLoadError, ProfileError
from voicebot.interfaces import KINDS, Kind, ModelPaths, ProviderContext
from voicebot.plugins import Section, find_plugin, folder_beside, load
from voicebot.profile.model import Choice, Profile, parse_chain
from voicebot.profile.nodes import Node, Place
from voicebot.profile.problems import combined, explain, problem_at

__all__ = [
    "ResolvedProfile",
    "context_for",
    "plugin_problems",
    "required_models",
    "resolve",
    "section_models",
]


@dataclass(frozen=True, slots=True)
class ResolvedProfile:
    """A profile whose plugins are loaded (not built) and whose plugin settings are validated."""

    profile: Profile
    chains: dict[Kind, tuple[Section, ...]]

    def section(self, kind: Kind) -> Section:
        """The preferred plugin of a kind."""
        return self.chains[kind][0]

    def chain(self, kind: Kind) -> tuple[Section, ...]:
        """All plugins of a kind, in order of preference."""
        return self.chains[kind]


def resolve(profile: Profile) -> ResolvedProfile:
    """Load just the plugins that a profile names, and validate their settings.

    Raises:
        ProfileError: a plugin does not exist or cannot be loaded, or its settings are wrong; all are listed.
    """
    problems: list[ProfileError] = []
    tree = profile._tree or Node({}, Place())
    folder = None if profile.file is None else folder_beside(profile.file)
    chains = {kind: _sections(kind, profile.chain(kind), tree, folder, problems) for kind in KINDS}
    if problems:
        raise combined(problems, profile.file)
    return ResolvedProfile(profile, chains)


def plugin_problems(tree: Node, file: Path) -> list[ProfileError]:
    """What is wrong with the plugin sections of a profile whose other sections may be wrong too."""
    problems: list[ProfileError] = []
    for kind in KINDS:
        if kind in tree.children():
            try:
                chain = parse_chain(tree.children()[kind].plain())
            except ValueError:
                continue  # not even the form of a section: the profile's own model has said so
            _sections(kind, chain, tree, folder_beside(file), problems)
    return problems


def _sections(
    kind: Kind, chain: tuple[Choice, ...], tree: Node, folder: Path | None, problems: list[ProfileError]
) -> tuple[Section, ...]:
    is_list = kind in tree.children() and isinstance(tree.children()[kind].value, list)
    sections = []
    for index, choice in enumerate(chain):
        path = [kind, index] if is_list else [kind]
        try:
            info = find_plugin(kind, choice.use, folder)
            provider_class = load(info)
            config = provider_class.Config.model_validate(choice.settings)
            sections.append(Section(info, provider_class, config))
        except PluginError as error:
            problems.append(problem_at(tree, [*path, "use"], error.message, hint=error.hint))
        except ValidationError as error:
            problems += explain(error, provider_class.Config, tree, path)
        except Exception as error:
            what = f"{choice.use!r} failed to validate its settings: {type(error).__name__}"
            problems.append(problem_at(tree, path, what))
    return tuple(sections)


def required_models(profile: Profile | ResolvedProfile) -> list[str]:
    """Names of the models that a profile's plugins need (fallbacks included), each once.

    Raises:
        ProfileError: as `resolve`.
        PluginLoadError: a plugin failed to say.
    """
    resolved = profile if isinstance(profile, ResolvedProfile) else resolve(profile)
    return list(
        dict.fromkeys(
            name
            for chain in resolved.chains.values()
            for section in chain
            for name in section_models(section)
        )
    )


def section_models(section: Section) -> list[str]:
    """Names of the models that one plugin needs.

    Raises:
        PluginLoadError: the plugin failed to say.
    """
    try:
        return list(section.provider_class.required_models(section.config))
    except Exception as error:
        info = section.info
        raise PluginLoadError(
            f"the {info.kind} plugin {info.name!r} of {info.origin} could not say which models it needs: "
            f"{type(error).__name__}: {error}",
            kind=info.kind,
            name=info.name,
            distribution=info.distribution,
        ) from error


def context_for(kind: Kind, profile: Profile | ResolvedProfile, models: ModelPaths) -> ProviderContext:
    """What a provider of a kind is built with."""
    plain = profile.profile if isinstance(profile, ResolvedProfile) else profile
    return ProviderContext(
        models=models,
        threads=getattr(plain.threads, kind),
        language=plain.agent.language,
        system_prompt=plain.agent.system_prompt,
        access=plain.access,
        base_dir=plain.base_dir,
    )
