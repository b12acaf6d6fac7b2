"""What every kind can get wrong."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from tests.conformance.proof import breaks, keep_open, wait_for_the_end
from tests.conformance.right import Right, RightTurn

from voicebot.interfaces import TurnContext, TurnVerdict
from voicebot.testing.conformance import EndOfTurnConformance as Kit


@breaks(Kit, "test_it_is_a_provider", "Its capabilities are no Capabilities.")
class Incapable(RightTurn):
    capabilities: ClassVar[Any] = {"streams": True}


class Loose(BaseModel):
    """Takes anything."""


@breaks(
    Kit,
    "test_config_refuses_unknown_keys",
    'Its Config takes unknown keys: give it model_config = ConfigDict(extra="forbid").',
)
class Lenient(RightTurn):
    Config = Loose


class Terse(BaseModel):
    model_config = ConfigDict(extra="forbid")
    pitch_hz: float = 440


@breaks(Kit, "test_config_describes_every_setting", "Settings without a description: pitch_hz.")
class Undescribed(RightTurn):
    Config = Terse


@breaks(
    Kit, "test_warmup_may_come_again", "After a second warmup() it raised RuntimeError('loaded already')."
)
class OnceOnly(RightTurn):
    async def warmup(self) -> None:
        if self.warm:
            raise RuntimeError("loaded already")
        await super().warmup()


@breaks(
    Kit,
    "test_aclose_before_warmup",
    "aclose() without warmup() raised AttributeError(\"'…' object has no attribute 'model'\").",
)
class ClosesWhatIsNotThere(RightTurn):
    async def warmup(self) -> None:
        self.model: object = "loaded"

    async def aclose(self) -> None:
        assert self.model


@breaks(Kit, "test_aclose_may_come_again", "A second aclose() raised RuntimeError('closed already').")
class ClosesOnce(RightTurn):
    async def aclose(self) -> None:
        if self.warm and self.closed:
            raise RuntimeError("closed already")
        self.closed = True


@breaks(Kit, "test_no_task_is_left", "Tasks are left after aclose(): keep-alive.")
class LeavesATask(RightTurn):
    async def warmup(self) -> None:
        self.task = asyncio.create_task(asyncio.sleep(3600), name="keep-alive")


@breaks(Kit, "test_no_thread_is_left", "Threads are left after aclose(): worker.")
class LeavesAThread(RightTurn):
    async def warmup(self) -> None:
        threading.Thread(target=wait_for_the_end, name="worker", daemon=True).start()


@breaks(Kit, "test_no_descriptor_is_left", "Files or sockets are left open after aclose(): 1.")
class LeavesAFile(RightTurn):
    async def warmup(self) -> None:
        keep_open()


@breaks(
    Kit,
    "test_before_warmup_it_fails_as_ours",
    "Before warmup() it raised TypeError(\"'NoneType' object is not callable\"), which is no VoicebotError.",
)
class NeedsWarmth(RightTurn):
    def __init__(self) -> None:
        super().__init__()
        self.model: Any = None

    async def warmup(self) -> None:
        self.model = super().predict

    async def predict(self, context: TurnContext) -> TurnVerdict:
        verdict: TurnVerdict = await self.model(context)
        return verdict


@breaks(
    Kit,
    "test_after_aclose_it_fails_as_ours",
    "After aclose() it raised ValueError('I/O operation on closed file'), which is no VoicebotError.",
)
class FailsWhenClosed(RightTurn):
    async def predict(self, context: TurnContext) -> TurnVerdict:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return await super().predict(context)


@breaks(
    Kit,
    "test_what_it_cannot_do_fails_as_ours",
    "With make_broken(), it raised OSError('no such model'), which is no VoicebotError.",
)
class FailsAsItLikes(RightTurn):
    @classmethod
    def make_broken(cls) -> Right:
        return Modelless()


class Modelless(RightTurn):
    async def warmup(self) -> None:
        raise OSError("no such model")


@breaks(Kit, "test_what_it_cannot_do_fails_as_ours", "The provider of make_broken() works.")
class CannotFail(RightTurn):
    @classmethod
    def make_broken(cls) -> Right:
        return RightTurn()
