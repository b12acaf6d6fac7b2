"""The table as a page of the documentation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.faults.cells import Cell
from bench.faults.stages import OWN, STAGES, STAND_IN

from voicebot.fallback import apology_text

__all__ = ["page"]

_TITLES = {
    "stt": "Speech to text: `stt: openai`",
    "llm": "Language model: `llm: groq`",
    "llm-openai": "Language model: `llm: openai`, where it differs",
    "tts": "Text to speech: `tts: opentts`",
}
_SHOWN = 170


def page(cells: Sequence[Cell], conditions: str) -> str:
    """All of it.

    Args:
        conditions: what it was measured on, and how.
    """
    parts = [
        _INTRO.format(
            conditions=conditions, own=" ".join(OWN), other=" ".join(STAND_IN), apology=apology_text("en")
        )
    ]
    for name in STAGES:
        chosen = [cell for cell in cells if cell.stage == name]
        if name == "llm-openai":
            groq = {(cell.fault, cell.chain): cell for cell in cells if cell.stage == "llm"}
            differing = {cell.fault for cell in chosen if _differs(cell, groq.get((cell.fault, cell.chain)))}
            chosen = [cell for cell in chosen if cell.fault in differing]
        if chosen:
            parts.append(f"## {_TITLES[name]}\n\n{_table(chosen)}")
    broken = [f"- {cell.stage}, {cell.fault}: {', '.join(cell.problems)}" for cell in cells if cell.problems]
    parts.insert(1, "## Broken\n\n" + "\n".join(broken) if broken else _UNBROKEN)
    return "\n\n".join([*parts, _SETTINGS]) + "\n"


def _differs(cell: Cell, other: Cell | None) -> bool:
    return other is None or cell.heard != other.heard


def _table(cells: Sequence[Cell]) -> str:
    lines = ["| fault | alone | with another | logged |", "|---|---|---|---|"]
    for fault in dict.fromkeys(cell.fault for cell in cells):
        alone, chained = (
            next((cell for cell in cells if cell.fault == fault and cell.chain is chain), None)
            for chain in (False, True)
        )
        told = [
            f"{name}: {_escaped(text)}"
            for name, cell in (("alone", alone), ("with another", chained))
            if cell is not None
            for text in cell.told[:2]
        ]
        lines.append(f"| {fault} | {_heard(alone)} | {_heard(chained)} | {'<br>'.join(told)} |")
    return "\n".join(lines)


def _heard(cell: Cell | None) -> str:
    if cell is None:
        return ""
    text = cell.heard if cell.after_s is None else f"{cell.heard}, {cell.after_s:.1f} s"
    return f"**{text}** ({', '.join(cell.problems)})" if cell.problems else text


def _escaped(text: str) -> str:
    text = re.sub(r"^the \w+ plugin '\S+' of \S+ \S+: ", "", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "server", re.sub(r"\s+", " ", text))
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return re.sub(r"([|<>*_`\[\]])", r"\\\1", text)


_INTRO = """\
<!-- Written by `python -m bench.faults.table --markdown docs/faults.md`: change that, not this. -->

# When a server fails

What a caller hears when a server that the agent needs does not do what it should, how long after their last syllable,
and what the log says of it. Each cell is a real call in real time: a recorded question, the plugin as it is shipped, a
server on a real socket that speaks the real protocol and then misbehaves, and the settings' defaults. "Alone": the
profile names this one engine. "With another": it names a second one behind it. Where a fault is not there from the
start, it begins when the call has begun, and lasts.

What was heard is what Whisper, which knows nothing of the call, made of the recording of the agent's side; the time is
counted in that recording, the wait for the end of the question included. Measured on {conditions}.

- *answer*: what the agent should say. For the language models it is "{own}" from the server at fault,
  and *the other's answer* is "{other}"
- *apology*: "{apology}"
- *no call*: there is nobody to answer. No call is taken, and the program says why. `voicebot run` waits for a server
  that may come back.

`llm: openai` reads answers with the code of `llm: groq`; `--stage llm-openai` measures it."""

_UNBROKEN = """\
In none of these calls was there silence or a hang, was anything left over (tasks, threads, sockets, file descriptors,
processes) or a traceback logged. The key was in no log line, event or report, though the server that refused it quoted
it. The command fails otherwise."""

_SETTINGS = """\
## What can be set

```yaml
llm:                          # as many as you like, in order; stt and tts alike
  - {use: groq, model: openai/gpt-oss-120b, api_key: "${GROQ_API_KEY}"}
  - {use: llamacpp, model: smollm2-135m-instruct}
fallback:
  stt_s: 4                    # how long to wait for the first result while there is a next engine; likewise
  llm_s: 3
  tts_s: 3
  failures: 2                 # so many within window_s, and an engine is left alone for cooldown_s, then for longer
deadlines:
  llm_first_token_s: 10       # how long to wait where there is no other; stt_final_s and tts_first_audio_s likewise
agent:
  apology: "I am afraid that did not work. Please say it again."    # "" for none
```

After an error that may pass (429, 5xx, a broken connection) the same engine is asked once more; after one that will not
(401, 404, a web page) the next one is. Where a server asks to be left alone (`retry-after`) it is: for up to two
seconds where there is no other, and half a second where there is. All keys are
in the [profile reference](profile-reference.md)."""
