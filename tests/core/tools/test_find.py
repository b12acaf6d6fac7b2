"""Where tools come from: modules, files beside the profile, installed packages."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pluggy
import pytest

from voicebot.errors import ProfileError
from voicebot.hooks import hookimpl
from voicebot.interfaces import Capabilities
from voicebot.profile.yaml_source import read
from voicebot.tools import ToolChoice, find_tools, tool_from, without_use
from voicebot.tools.hook import Brought, ToolHookSpecs, brought_tools

SHOP = '''
    """A shop."""
    from __future__ import annotations
    from dataclasses import dataclass

    @dataclass
    class Order:
        article: str

    def in_stock(article: str) -> int:
        """How many there are."""
        return 3

    async def order(what: Order) -> str:
        """Order."""
        return what.article

    def broken(article) -> int:
        """No hint."""

    PRICE = 3
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A profile's folder with `shop.py`; beside it, a package `store.tools` that can be imported."""
    before = set(sys.modules)
    profile = tmp_path / "profile"
    package = tmp_path / "site" / "store"
    for path in (profile, package):
        path.mkdir(parents=True)
    (profile / "shop.py").write_text(dedent(SHOP))
    (package / "__init__.py").write_text("")
    (package / "tools.py").write_text(dedent(SHOP))
    (package / "raising.py").write_text("raise SystemExit('sold out')")
    (package / "lacking.py").write_text("import not_installed_at_all")
    (package / "wrong.py").write_text("def (")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield profile
    for name in set(sys.modules) - before:
        if name.startswith(("store", "voicebot_tools_")):
            del sys.modules[name]


def test_a_module_and_a_file_beside_the_profile(folder: Path) -> None:
    choice = ToolChoice(use="./shop.py:order", name="buy", deadline_s=3, filler="I am ordering it.")
    tools = find_tools(["store.tools:in_stock", choice], base_dir=folder)
    assert [(tool.spec.name, tool.origin) for tool in tools] == [
        ("in_stock", "store.tools:in_stock"),
        ("buy", "./shop.py:order"),
    ]
    assert (tools[1].deadline_s, tools[1].filler) == (3, "I am ordering it.")
    assert tools[1].read_arguments('{"what": {"article": "lamp"}}')["what"].article == "lamp"


def test_a_file_is_read_once_and_hides_no_module(folder: Path) -> None:
    again = [
        find_tools([use], base_dir=base)[0].function
        for use, base in (("./shop.py:order", folder), (f"{folder}/shop.py:order", folder.parent))
    ]
    assert again[0] is again[1]
    assert "shop" not in sys.modules


@pytest.mark.parametrize(
    ("use", "message", "hint"),
    [
        ("shop:in_stock", "there is no Python module 'shop'", "is ./shop.py:in_stock"),
        ("stores.tools:in_stock", "there is no Python module 'stores'", "Install the package"),
        ("store.tool:in_stock", "there is no Python module 'store.tool'", "Install the package"),
        (
            "store.tools:in_stok",
            "no 'in_stok' in store.tools; did you mean 'in_stock'?",
            "in_stock, order, broken",
        ),
        ("store.tools:", "'store.tools:' names no function", "`module:function`"),
        ("store tools:x", "'store tools' is not the name of a Python module", "`module:function`"),
        (".tools:x", "'.tools' is not the name of a Python module", "`module:function`"),
        ("./store.py:in_stock", "there is no file", "relative to the profile"),
        ("./a\0.py:in_stock", "'./a\\x00.py' cannot be read", ""),
        ("store.raising:x", "store.raising could not be imported: SystemExit: sold out", ""),
        ("store.lacking:x", "store.lacking could not be imported: ModuleNotFoundError: No module named", ""),
        ("store.wrong:x", "store.wrong could not be imported: SyntaxError: ", ""),
        (
            "store.tools:PRICE",
            "store.tools:PRICE is of type int, not a function",
            "A tool is a Python function",
        ),
        ("store.tools:Order", "store.tools:Order is a class, not a function", ""),
        ("store.tools:broken", "the argument 'article' has no type hint", "article: str"),
        (
            "in_stock",
            "no installed package brings a tool 'in_stock'; did you mean 'stock'?",
            "packages: stock",
        ),
    ],
)
def test_what_cannot_be_found_says_what_and_what_to_do(
    folder: Path, use: str, message: str, hint: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        find_tools([use], base_dir=folder, brought=[Brought(stock, "shop 1.0")])
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.key.startswith("agent.tools")


def test_a_file_that_fails_is_not_half_there(folder: Path) -> None:
    (folder / "bad.py").write_text("1 / 0")
    for _ in range(2):
        with pytest.raises(ProfileError, match=r"bad\.py could not be imported: ZeroDivisionError"):
            find_tools(["./bad.py:x"], base_dir=folder)


def test_all_problems_are_told_with_file_and_line(folder: Path) -> None:
    file = folder / "agent.yaml"
    file.write_text(
        "agent:\n  tools:\n    - store.tools:in_stock\n    - use: ./shop.py:in_stock\n    - store.tools:nothing\n"
    )
    tree = read(file)
    choices = [
        entry if isinstance(entry, str) else ToolChoice(**entry) for entry in tree.plain()["agent"]["tools"]
    ]
    with pytest.raises(ProfileError) as caught:
        find_tools(choices, base_dir=folder, tree=tree, file=file)
    said = str(caught.value)
    assert "2 problems" in said
    assert f"{file}:4: agent.tools.1: the name 'in_stock' is taken by store.tools:in_stock" in said
    assert f"{file}:5: agent.tools.2: there is no 'nothing' in store.tools" in said
    assert "Give one of them another" in said


# --- installed packages -----------------------------------------------------------------------------------------------


def stock(article: str) -> int:
    """How many there are."""
    return 1


def price(article: str) -> float:
    """What it costs."""
    return 9.5


def other_stock(article: str) -> int:
    """How many there are elsewhere."""
    return 2


other_stock.__name__ = "stock"


def test_what_packages_bring_is_offered_after_what_the_profile_names(folder: Path) -> None:
    brought = [Brought(stock, "shop 1.0"), Brought(price, "shop 1.0")]
    tools = find_tools(["./shop.py:in_stock"], brought=brought, base_dir=folder)
    assert [(tool.spec.name, tool.origin) for tool in tools] == [
        ("in_stock", "./shop.py:in_stock"),
        ("stock", "shop 1.0"),
        ("price", "shop 1.0"),
    ]


def test_or_only_where_it_is_named() -> None:
    brought = [Brought(stock, "shop 1.0"), Brought(price, "shop 1.0")]
    tools = find_tools([ToolChoice(use="price", deadline_s=1)], installed=False, brought=brought)
    assert [(tool.spec.name, tool.deadline_s) for tool in tools] == [("price", 1)]
    named = find_tools([ToolChoice(use="price", name="cost")], brought=brought)
    assert [tool.spec.name for tool in named] == ["cost", "stock"]


def test_broken_and_doubled_ones_are_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    brought = [Brought(stock, "shop 1.0"), Brought(other_stock, "mall 2.0"), Brought(3, "mall 2.0")]
    with caplog.at_level(logging.WARNING):
        assert [tool.origin for tool in find_tools([], brought=brought)] == ["shop 1.0"]
    assert "the tool 'stock' of mall 2.0 is left out: shop 1.0 has one of that name" in caplog.text
    assert "the tool '?' of mall 2.0 is left out: mall 2.0 is of type int, not a function" in caplog.text


def test_naming_one_that_two_packages_bring_is_a_problem() -> None:
    brought = [Brought(stock, "shop 1.0"), Brought(other_stock, "mall 2.0")]
    with pytest.raises(ProfileError, match=r"two packages bring a tool 'stock': shop 1\.0 and mall 2\.0"):
        find_tools(["stock"], brought=brought)


def manager(*plugins: object) -> pluggy.PluginManager:
    made = pluggy.PluginManager("voicebot")
    made.add_hookspecs(ToolHookSpecs)
    for number, plugin in enumerate(plugins):
        made.register(plugin, f"plugin{number}")
    made.check_pending()
    return made


class Shop:
    @hookimpl
    def voicebot_tools(self) -> Iterable[Callable[..., Any]]:
        yield from (stock, price)


class Broken:
    @hookimpl
    def voicebot_tools(self) -> Iterable[Callable[..., Any]]:
        yield other_stock
        raise SystemExit("no")


class Strange:
    @hookimpl
    def voicebot_tools(self) -> Any:
        return 3


def test_hook_plugins_bring_tools_and_a_broken_one_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    found = brought_tools(manager(Broken(), Shop(), Strange()), {"plugin1": "shop 1.0"})
    assert sorted((one.origin, str(getattr(one.function, "__name__", ""))) for one in found) == [
        ("shop 1.0", "price"),
        ("shop 1.0", "stock"),
    ]
    assert "hook plugin 'plugin0' of plugin0 failed in voicebot_tools" in caplog.text
    assert "hook plugin 'plugin2' of plugin2 failed in voicebot_tools" in caplog.text


# --- models that cannot call tools ------------------------------------------------------------------------------------


def test_a_model_that_cannot_call_tools_is_warned_of() -> None:
    able, unable = ("openai", Capabilities(tools=True)), ("llamacpp", Capabilities())
    tools = [tool_from(stock), tool_from(price)]
    assert without_use(tools, [able]) == ""
    assert without_use([], [unable]) == ""
    assert without_use(tools, [able, unable]) == (
        "llm: llamacpp cannot call tools, and answers without these: stock, price"
    )
