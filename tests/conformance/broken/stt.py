"""What a recogniser can get wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
from tests.conformance.proof import breaks, wait_for_the_end
from tests.conformance.right import RightSTT, RightUtterance

from voicebot.audio import AudioChunk, Samples
from voicebot.interfaces import FinalTranscript, InterimTranscript
from voicebot.testing.conformance import STTConformance as Kit


class Broken(RightSTT):
    """With an utterance that is broken."""

    Utterance: type[RightUtterance]

    def start(self, on_interim):  # type: ignore[no-untyped-def]
        return self.Utterance(self, on_interim)


@breaks(Kit, "test_it_recognises", "It heard 'Goodbye.', which lacks 'hello'.")
class Mishears(Broken):
    class Utterance(RightUtterance):
        async def finalize(self) -> FinalTranscript:
            final = await super().finalize()
            return replace(final, text=final.text.replace("Hello", "Goodbye"))


@breaks(Kit, "test_audio_s_is_exact", "Its audio_s counts 16000.0 samples of 16037.")
class Rounds(Broken):
    class Utterance(RightUtterance):
        async def finalize(self) -> FinalTranscript:
            final = await super().finalize()
            return replace(final, audio_s=round(final.audio_s, 2))


@breaks(Kit, "test_max_utterance_is_a_duration", "Its max_utterance_s is not positive.")
class Limitless(RightSTT):
    max_utterance_s = 0.0


@breaks(Kit, "test_chunk_sizes_do_not_matter", "In odd pieces it counted … s, in one … s.")
class LosesSingleSamples(Broken):
    class Utterance(RightUtterance):
        def push(self, chunk: AudioChunk) -> None:
            if len(chunk.samples) > 1:
                super().push(chunk)


@breaks(Kit, "test_chunk_sizes_do_not_matter", "In odd pieces it heard 'Hello. Hello.', in one 'Hello.'.")
class RecognisesPieces(Broken):
    class Utterance(RightUtterance):
        short = False

        def push(self, chunk: AudioChunk) -> None:
            super().push(chunk)
            self.short |= len(chunk.samples) in (159, 333)

        async def finalize(self) -> FinalTranscript:
            final = await super().finalize()
            return replace(final, text=f"{final.text} {final.text}") if self.short else final


@breaks(Kit, "test_silence_has_no_words", "It made 'Thank you.' of 1 s of silence.")
class HearsInSilence(Broken):
    class Utterance(RightUtterance):
        async def finalize(self) -> FinalTranscript:
            final = await super().finalize()
            return replace(final, text=final.text or "Thank you.")


@breaks(
    Kit, "test_finalize_may_come_again", "finalize() after more audio is 'Hello.' of 0.50 s, not of 1.00 s."
)
class ForgetsAtFinalize(Broken):
    class Utterance(RightUtterance):
        async def finalize(self) -> FinalTranscript:
            final, self.count = await super().finalize(), 0
            return final


@breaks(
    Kit,
    "test_utterances_side_by_side",
    "At a time, speech is 'Hello.' to it and silence 'Hello.'.",
)
class OneBuffer(Broken):
    open = 0
    any_loud = False

    class Utterance(RightUtterance):
        def __init__(self, stt, on_interim) -> None:  # type: ignore[no-untyped-def]
            super().__init__(stt, on_interim)
            stt.open += 1

        def push(self, chunk: AudioChunk) -> None:
            super().push(chunk)
            self.stt.any_loud |= self.loud

        async def finalize(self) -> FinalTranscript:
            self.loud = self.stt.any_loud
            return await super().finalize()

        async def aclose(self) -> None:
            self.stt.open -= 1
            self.stt.any_loud &= self.stt.open > 0


@breaks(Kit, "test_no_interim_after_aclose", "on_interim is called after aclose().")
class InterimsAfterwards(Broken):
    class Utterance(RightUtterance):
        async def aclose(self) -> None:
            loop = asyncio.get_running_loop()
            loop.call_soon(self.on_interim, InterimTranscript("Hello", 0.5))


@breaks(Kit, "test_no_interim_after_aclose", "It still works … s after its utterance was closed.")
class InterimsGoOn(Broken):
    class Utterance(RightUtterance):
        def push(self, chunk: AudioChunk) -> None:
            super().push(chunk)
            if self.pushes == 5:
                asyncio.get_running_loop().run_in_executor(None, wait_for_the_end)


@breaks(
    Kit,
    "test_cancelling_ends_as_cancelled",
    "Cancelled work does not end as cancelled: it keeps the CancelledError to itself.",
)
class KeepsTheCancelledError(Broken):
    class Utterance(RightUtterance):
        async def finalize(self) -> FinalTranscript:
            try:
                return await super().finalize()
            except asyncio.CancelledError:
                return FinalTranscript("", 0)


@breaks(
    Kit,
    "test_after_an_abandoned_one_it_recognises",
    "After an abandoned utterance it heard 'Hello. Hello.', before it 'Hello.'.",
)
class KeepsTheAbandoned(Broken):
    spoilt = False

    class Utterance(RightUtterance):
        finalized = False

        async def finalize(self) -> FinalTranscript:
            self.finalized = True
            final = await super().finalize()
            text = f"Hello. {final.text}" if self.stt.spoilt else final.text
            self.stt.spoilt = False
            return replace(final, text=text)

        async def aclose(self) -> None:
            self.stt.spoilt |= self.loud and self.pushes == 1 and not self.finalized


@breaks(
    Kit,
    "test_closed_utterances_keep_nothing",
    "Closed utterances keep their audio: more than … KiB are held.",
)
class KeepsEverything(Broken):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Samples] = []

    class Utterance(RightUtterance):
        def push(self, chunk: AudioChunk) -> None:
            super().push(chunk)
            self.stt.kept.append(np.array(chunk.samples))
