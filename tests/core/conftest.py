"""Plugins from outside: distributions written to disk, found through their metadata as any installed one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from textwrap import dedent

import pytest

MakeDistribution = Callable[..., Path]

DEMO = """
    from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
    from voicebot.interfaces import Capabilities

    class Voice(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str = "anna"
        pitch: int = Field(default=50, ge=0, le=99)

    class Base:
        capabilities = Capabilities(licence="MIT")
        def __init__(self, config, context):
            self.config, self.context = config, context
        @classmethod
        def required_models(cls, config):
            return [config.model] if getattr(config, "model", "") else []
        async def warmup(self): ...
        async def aclose(self): ...

    class Plain(BaseModel):
        model_config = ConfigDict(extra="forbid")

    class Rich(BaseModel):
        model_config = ConfigDict(extra="forbid")
        model: str = Field(default="", description="Which model.")
        temperature: float = Field(default=0.5, ge=0, le=2, description="How varied.")
        api_key: SecretStr = Field(default=SecretStr(""), description="From the provider.")
        voice: Voice = Field(default_factory=Voice, description="Who speaks.")
        words: list[str] = Field(default_factory=list, description="Words.")

        @field_validator("model")
        @classmethod
        def _known(cls, value):
            if value.startswith("bad"):
                raise ValueError(f"{value} is not a model")
            return value

    class Vad(Base):
        Config = Plain
        def start(self): ...

    class Stt(Base):
        Config = Rich
        def start(self, on_interim): ...

    class Turn(Base):
        Config = Plain
        async def predict(self, context): ...

    class Llm(Base):
        Config = Rich
        async def generate(self, messages):
            yield

    class Tts(Base):
        Config = Rich
        async def synthesize(self, text):
            yield

    class Transport(Base):
        Config = Plain
        def front(self):
            return None
        async def connections(self):
            yield
"""

DEMO_PROFILE = """\
vad: demo
stt: demo
turn: demo
llm:
  use: demo
  model: first
tts: demo
transport: demo
"""


@pytest.fixture
def make_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeDistribution]:
    """Writes a distribution: its name, `{group: {entry name: target}}`, `{module: source}`."""
    numbers = count()
    modules: set[str] = set()

    def make(
        name: str,
        entry_points: Mapping[str, Mapping[str, str]],
        sources: Mapping[str, str] | None = None,
        version: str = "1.0",
    ) -> Path:
        site = tmp_path / f"site{next(numbers)}"
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        sections = [
            f"[{group}]\n" + "".join(f"{entry} = {target}\n" for entry, target in entries.items())
            for group, entries in entry_points.items()
        ]
        (info / "entry_points.txt").write_text("\n".join(sections))
        for module, source in (sources or {}).items():
            (site / f"{module}.py").write_text(dedent(source))
            modules.add(module)
        monkeypatch.syspath_prepend(str(site))
        return site

    yield make
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def demo(make_distribution: MakeDistribution) -> Path:
    """A distribution with a plugin named `demo` of each kind, and `other`: a second llm and tts."""
    kinds = ("vad", "stt", "turn", "llm", "tts", "transport")
    groups = {f"voicebot.{kind}": {"demo": f"demo_plugin:{kind.title()}"} for kind in kinds}
    groups["voicebot.llm"]["other"] = "demo_plugin:Llm"
    groups["voicebot.tts"]["other"] = "demo_plugin:Tts"
    return make_distribution("demo-plugin", groups, {"demo_plugin": DEMO})


@pytest.fixture
def profile_file(demo: Path, tmp_path: Path) -> Path:
    """A profile that uses the demo plugins."""
    file = tmp_path / "agent.yaml"
    file.write_text(DEMO_PROFILE)
    return file
