"""Running a class's checks without pytest, and the engines that are broken on purpose."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from tests.conformance import right

from voicebot.testing import conformance as kits

__all__ = ["BROKEN", "Broken", "Kit", "breaks", "checks_of", "complaints", "kit_for"]

T = TypeVar("T", bound=type)
Kit = type[kits.ProviderConformance[Any]]

RIGHT: dict[Kit, type] = {
    kits.VADConformance: right.RightVAD,
    kits.STTConformance: right.RightSTT,
    kits.EndOfTurnConformance: right.RightTurn,
    kits.LLMConformance: right.RightLLM,
    kits.TTSConformance: right.RightTTS,
    kits.TransportConformance: right.RightTransport,
}


@dataclass(frozen=True, slots=True)
class Broken:
    kit: Kit
    engine: type
    check: str
    message: str
    """What the check says of it; "…" stands for anything."""


BROKEN: list[Broken] = []


def breaks(kit: Kit, check: str, message: str) -> Callable[[T], T]:
    """Marks an engine that breaks the promise of one check, and no other."""

    def mark(engine: T) -> T:
        BROKEN.append(Broken(kit, engine, check, message))
        return engine

    return mark


def kit_for(kit: Kit, engine: type) -> Kit:
    """The class that an engine's author would write, with less patience."""
    body: dict[str, Any] = {
        "make": lambda self: engine(),
        "speech": right.SPEECH,
        "words": "hello",
        "cancel_s": 0.3,
        "rest_s": 0.01,
        "held_bytes": 1 << 18,
    }
    if hasattr(engine, "make_broken"):
        body["make_broken"] = lambda self: engine.make_broken()
    return type(f"Test{engine.__name__}", (kit,), body)


def checks_of(kit: Kit) -> list[str]:
    return sorted(name for name in dir(kit) if name.startswith("test_"))


def complaints(kit: Kit) -> dict[str, str]:
    """What each check that fails says."""
    found = {}
    for name in checks_of(kit):
        given = [lambda name, value: None] if name == "test_first_result_is_timed" else []
        try:
            getattr(kit(), name)(*given)
        except pytest.skip.Exception:
            pass
        except Exception as error:
            found[name] = str(error)
    let_go()
    kit.teardown_class()
    return found


_gates: list[threading.Event] = []
_descriptors: list[int] = []


def wait_for_the_end() -> None:
    """Hold a thread until the engine's checks are over."""
    gate = threading.Event()
    _gates.append(gate)
    gate.wait(60)


def keep_open() -> None:
    """A descriptor, until the engine's checks are over."""
    _descriptors.append(os.open(os.devnull, os.O_RDONLY))


def let_go() -> None:
    while _gates:
        _gates.pop().set()
    while _descriptors:
        os.close(_descriptors.pop())
