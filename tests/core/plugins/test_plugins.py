from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from voicebot.errors import ExtraNotInstalled, PluginLoadError, PluginNotFound
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot.plugins import (
    Section,
    create,
    ensure_installed,
    find_plugin,
    list_plugins,
    load_plugin,
    nearest,
)

Make = Callable[..., Path]


def context() -> ProviderContext:
    return ProviderContext(models=ModelStore())


def test_listing_imports_nothing(make_distribution: Make) -> None:
    make_distribution(
        "boom", {"voicebot.tts": {"boom": "boom_plugin:X"}}, {"boom_plugin": "raise SystemExit(3)"}
    )
    infos = [info for info in list_plugins("tts") if info.name == "boom"]
    assert [(info.distribution, info.version, info.target, info.problem) for info in infos] == [
        ("boom", "1.0", "boom_plugin:X", "")
    ]
    assert "boom_plugin" not in sys.modules


def test_bundled_plugins_are_listed() -> None:
    names = {(info.kind, info.name) for info in list_plugins() if info.distribution == "voicebot-kit"}
    assert {("vad", "silero"), ("stt", "whispercpp"), ("turn", "silence"), ("tts", "espeak")} <= names


def test_loads_just_the_one_that_is_named(demo: Path) -> None:
    assert load_plugin("turn", "silence").__name__ == "SilenceTurn"
    assert "demo_plugin" not in sys.modules


def test_unknown_name_lists_the_others_and_the_nearest(demo: Path) -> None:
    with pytest.raises(PluginNotFound, match=r"no tts plugin 'demmo'; did you mean 'demo'\?") as caught:
        load_plugin("tts", "demmo")
    assert "demo, espeak, opentts, other, piper" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ImportError('no libfoo')", "ImportError: no libfoo"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise BaseException", "BaseException"),
        ("def broken(:", "SyntaxError"),
        ("import not_there_at_all", "No module named 'not_there_at_all'"),
        ("Y = 1", "no attribute 'X'"),
        ("class E(Exception):\n  def __str__(self): raise ValueError\nraise E", "E"),
        ("import asyncio\nraise asyncio.CancelledError", "CancelledError"),
        (
            "class Meta(type):\n  def __getattr__(self, name): raise RuntimeError(name)\n"
            "class X(metaclass=Meta): pass",
            "RuntimeError: api_version",
        ),
    ],
)
def test_a_plugin_that_raises_on_import_is_named(make_distribution: Make, source: str, said: str) -> None:
    make_distribution("bad-dist", {"voicebot.tts": {"bad": "bad_plugin:X"}}, {"bad_plugin": source}, "2.5")
    with pytest.raises(PluginLoadError) as caught:
        load_plugin("tts", "bad")
    assert "'bad' of bad-dist 2.5 could not be imported" in caught.value.message
    assert said in caught.value.message
    assert caught.value.distribution == "bad-dist"
    assert load_plugin("turn", "silence")


def test_ctrl_c_during_an_import_is_the_user_s(make_distribution: Make) -> None:
    make_distribution(
        "bad", {"voicebot.tts": {"bad": "bad_plugin:X"}}, {"bad_plugin": "raise KeyboardInterrupt"}
    )
    with pytest.raises(KeyboardInterrupt):
        load_plugin("tts", "bad")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def X(): ...", "it is a function, not a class"),
        ("class X: ...", "`Config` must be a pydantic BaseModel subclass"),
        ("class X: ...", "`capabilities` must be"),
        ("class X: ...", "it has no method `synthesize`"),
        ("class X: ...", "it has no method `required_models`"),
        ("class X:\n  synthesize = 3", "it has no method `synthesize`"),
        ("class X:\n  async def synthesize(self, text): return text", "must be an async generator"),
    ],
)
def test_a_plugin_of_the_wrong_shape_is_told_what_it_lacks(
    make_distribution: Make, source: str, said: str
) -> None:
    make_distribution("odd", {"voicebot.tts": {"odd": "odd_plugin:X"}}, {"odd_plugin": source})
    with pytest.raises(PluginLoadError, match="is not a tts provider") as caught:
        load_plugin("tts", "odd")
    assert said in caught.value.message


def test_two_distributions_with_one_name_are_both_reported(demo: Path, make_distribution: Make) -> None:
    make_distribution("rival", {"voicebot.tts": {"demo": "rival_plugin:X"}}, {"rival_plugin": "X = 1"})
    rivals = [info for info in list_plugins("tts") if info.name == "demo"]
    assert sorted(info.distribution for info in rivals) == ["demo-plugin", "rival"]
    for info in rivals:
        assert "demo-plugin 1.0" in info.problem
        assert "rival 1.0" in info.problem
    with pytest.raises(PluginLoadError, match="two plugins have this name") as caught:
        load_plugin("tts", "demo")
    assert "demo-plugin" in caught.value.message
    assert "rival" in caught.value.message
    assert load_plugin("tts", "other")
    assert load_plugin("llm", "demo")


def test_a_distribution_that_is_on_the_path_twice_counts_once(make_distribution: Make) -> None:
    for version in ("1.0", "2.0"):
        make_distribution("same.dist", {"voicebot.tts": {"same": "same_plugin:X"}}, version=version)
    found = [info for info in list_plugins("tts") if info.name == "same"]
    assert [(info.version, info.problem) for info in found] == [
        ("2.0", "")
    ]  # the first on the path wins, as in Python


def test_unreadable_metadata_of_one_distribution_hides_no_other(demo: Path, make_distribution: Make) -> None:
    site = make_distribution("torn", {"voicebot.tts": {"torn": "torn_plugin:X"}})
    (site / "torn-1.0.dist-info" / "entry_points.txt").write_bytes(
        b"[voicebot.tts]\nno equals sign\n\xff\xfe"
    )
    assert find_plugin("tts", "demo").distribution == "demo-plugin"


def test_missing_engine_names_the_pip_line(make_distribution: Make, demo: Path) -> None:
    source = (
        "from demo_plugin import Tts\nfrom voicebot.interfaces import Capabilities\n"
        "class X(Tts):\n  capabilities = Capabilities(modules=('json', 'no_such_engine', 'no.such.engine'), extra={!r})"
    )
    groups = {"voicebot.tts": {"bundled": "bundled_plugin:X", "outside": "outside_plugin:X"}}
    sources = {"bundled_plugin": source.format("piper"), "outside_plugin": source.format("")}
    make_distribution("lacking", groups, sources)
    hints = {}
    for name in ("bundled", "outside"):
        provider, info = load_plugin("tts", name), find_plugin("tts", name)
        with pytest.raises(
            ExtraNotInstalled, match=r"needs the Python package no_such_engine, no\.such\.engine,"
        ) as caught:
            ensure_installed(info, provider)
        with pytest.raises(ExtraNotInstalled):
            create("tts", Section(info, provider, provider.Config()), context())
        hints[name] = caught.value.hint
    assert hints == {
        "bundled": "Run: pip install 'voicebot-kit[piper]'",
        "outside": "Run: pip install --upgrade lacking",
    }


def test_create_builds_the_provider(demo: Path) -> None:
    provider_class = load_plugin("llm", "demo")
    config, given = provider_class.Config(), context()
    provider = create("llm", Section(find_plugin("llm", "demo"), provider_class, config), given)
    assert provider.config is config
    assert provider.context is given


def test_a_constructor_that_raises_is_a_fault_of_the_plugin(demo: Path, make_distribution: Make) -> None:
    source = "from demo_plugin import Tts\nclass X(Tts):\n  def __init__(self, config, context): raise KeyError('k')"
    make_distribution("late", {"voicebot.tts": {"late": "late_plugin:X"}}, {"late_plugin": source})
    provider_class = load_plugin("tts", "late")
    section = Section(find_plugin("tts", "late"), provider_class, provider_class.Config())
    with pytest.raises(PluginLoadError, match=r"'late' of late 1\.0 could not be built: KeyError: 'k'"):
        create("tts", section, context())


def test_nearest_is_none_where_nothing_is_close() -> None:
    assert nearest("espaek", ["espeak", "piper"]) == "espeak"
    assert nearest("zzz", ["espeak", "piper"]) is None
    assert nearest("", ["espeak"]) is None
    assert nearest("espeak", []) is None
