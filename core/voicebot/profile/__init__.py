"""Profiles: an agent from one YAML file."""

from voicebot.profile.find import bundled_dir, find_profile, known_profiles
from voicebot.profile.load import load_profile
from voicebot.profile.model import Choice, Profile
from voicebot.profile.resolve import ResolvedProfile, context_for, required_models, resolve

__all__ = [
    "Choice",
    "Profile",
    "ResolvedProfile",
    "bundled_dir",
    "context_for",
    "find_profile",
    "known_profiles",
    "load_profile",
    "required_models",
    "resolve",
]
