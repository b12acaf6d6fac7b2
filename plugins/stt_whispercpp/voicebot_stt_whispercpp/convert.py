"""CTranslate2 Whisper folder -> ggml file for whisper.cpp, with numpy alone.

Registries carry Whisper's weights for CTranslate2 but not for whisper.cpp; the numbers are the same. The
target's layout is that of whisper.cpp's models/convert-pt-to-ggml.py. The same source gives the same bytes on
every machine, so the result has a checksum as if it had been downloaded.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from voicebot.errors import ModelError

from .ct2_format import Variables, read_variables
from .quantize import q8_0

__all__ = ["Quantization", "convert"]

Quantization = Literal["f16", "q8_0"]

_MAGIC = 0x67676D6C
_FILE_TYPE = {"f16": 1, "q8_0": 2007}  # q8_0 is type 7, written by version 2 of the quantisation formats
_F32, _F16, _Q8_0 = 0, 1, 8  # ggml_type

PLAIN_TOKENS = 50257
HEAD_WIDTH = 64
"""Both the same in every Whisper."""

Array = npt.NDArray[Any]


def convert(source_dir: Path, target: Path, *, quantize: Quantization = "f16") -> None:
    """Write a ggml model file.

    Args:
        source_dir: holds `model.bin` (float16 or float32) and `vocabulary.txt`.
        target: the file to write; it appears only once it is complete.
        quantize: "f16" keeps the weights' precision, "q8_0" halves the file and is faster on CPUs.

    Raises:
        ModelError: the source is not a CTranslate2 Whisper model that can be converted.
    """
    source = source_dir / "model.bin"
    part = target.with_name(target.name + ".part")
    try:
        vocabulary = _vocabulary(source_dir / "vocabulary.txt")
        model = np.memmap(source, np.uint8, mode="r").data
        tensors, header = _parse(read_variables(model), len(vocabulary))
        with part.open("wb") as out:
            out.write(struct.pack("<I11i", _MAGIC, *header, _FILE_TYPE[quantize]))
            filters = mel_filters(header[9])
            out.write(struct.pack("<2i", *filters.shape) + filters.tobytes())
            _write_vocabulary(out, vocabulary)
            for name, tensor in tensors:
                _write_tensor(out, name, tensor, quantize)
        part.replace(target)
    except (OSError, ValueError) as error:
        raise ModelError(f"{source_dir} cannot be converted for whisper.cpp: {error}") from error
    except ModelError as error:
        raise ModelError(f"{source} cannot be converted for whisper.cpp: {error.message}") from error
    finally:
        part.unlink(missing_ok=True)


def mel_filters(n_mels: int) -> npt.NDArray[np.float32]:
    """Whisper's mel filter bank, shape `(n_mels, 201)`: librosa.filters.mel(sr=16000, n_fft=400)."""
    step, knee = 200 / 3, 15.0  # Hz per mel below 1 kHz; the mel where the scale turns logarithmic
    growth = math.log(6.4) / 27
    top = knee + math.log(8000 / 1000) / growth
    mels = [top * index / (n_mels + 1) for index in range(n_mels + 2)]
    edges = np.array([step * mel if mel < knee else 1000 * math.exp(growth * (mel - knee)) for mel in mels])
    ramps = edges[:, None] - np.arange(201) * 40.0  # 40 Hz a bin
    width = np.diff(edges)[:, None]
    triangles = np.maximum(0, np.minimum(-ramps[:-2] / width[:-1], ramps[2:] / width[1:]))
    area = (2 / (edges[2:] - edges[:-2]))[:, None]
    filters: npt.NDArray[np.float32] = (triangles.astype("<f4") * area).astype(
        "<f4"
    )  # twice, as librosa does
    return filters


def _parse(variables: Variables, vocabulary: int) -> tuple[list[tuple[str, Array]], tuple[int, ...]]:
    """The tensors by their ggml names, and the header's ten numbers."""

    def get(name: str, *shape: int | None) -> Array:
        if name not in variables:
            raise ModelError(f"it has no {name!r}.")
        value = variables[name]
        if len(value.shape) != len(shape) or any(
            want not in (None, n) for want, n in zip(shape, value.shape, strict=True)
        ):
            raise ModelError(f"{name!r} has the shape {value.shape}, not {shape}.")
        return value

    def weights(name: str, *shape: int | None) -> Array:
        value = get(name, *shape)
        if value.dtype.kind != "f":
            raise ModelError(
                f"{name!r} is quantised already ({value.dtype.name}); take a float16 conversion."
            )
        if not np.abs(value).max() <= np.finfo(np.float16).max:
            raise ModelError(f"{name!r} holds values that float16 cannot.")
        return value

    def layers(side: str) -> int:
        count = 0
        while f"{side}/layer_{count}/self_attention/linear_0/weight" in variables:
            count += 1
        return count

    n_vocab, width = get("decoder/embeddings/weight", None, None).shape
    n_mels = get("encoder/conv1/weight", width, None, 3).shape[1]
    sides = {side: layers(side) for side in ("encoder", "decoder")}
    if (
        not width
        or width % HEAD_WIDTH
        or n_mels not in (80, 128)
        or not all(sides.values())
        or vocabulary != n_vocab
    ):
        raise ModelError(
            f"{n_vocab} embeddings of width {width}, {n_mels} mel bands, {sides} layers and {vocabulary} tokens "
            "in vocabulary.txt are not a Whisper model."
        )

    def pairs(ggml: str, ct2: str, *shape: int) -> Iterator[tuple[str, Array]]:
        yield f"{ggml}.weight", weights(f"{ct2}/weight", *shape)
        yield f"{ggml}.bias", weights(f"{ct2}/bias", shape[0])

    def norm(ggml: str, ct2: str) -> Iterator[tuple[str, Array]]:
        yield f"{ggml}.weight", weights(f"{ct2}/gamma", width)
        yield f"{ggml}.bias", weights(f"{ct2}/beta", width)

    def attention(ggml: str, ct2: str, packing: tuple[str, ...]) -> Iterator[tuple[str, Array]]:
        for index, packed in enumerate(packing):  # CTranslate2 stacks the projections of one input
            parts = packed.split()
            stacked = dict(pairs("", f"{ct2}/linear_{index}", width * len(parts), width))
            for row, part in enumerate(parts):
                rows = slice(row * width, (row + 1) * width)
                yield f"{ggml}.{part}.weight", stacked[".weight"][rows]
                if part != "key":  # keys have no bias; CTranslate2 stores zeros
                    yield f"{ggml}.{part}.bias", stacked[".bias"][rows]
        yield from norm(f"{ggml}_ln", f"{ct2}/layer_norm")

    def tensors() -> Iterator[tuple[str, Array]]:
        for side, count in sides.items():
            yield f"{side}.positional_embedding", weights(f"{side}/position_encodings/encodings", None, width)
            if side == "encoder":
                for conv, channels in (("conv1", n_mels), ("conv2", width)):
                    kernel, bias = pairs(f"encoder.{conv}", f"encoder/{conv}", width, channels, 3)
                    yield kernel
                    yield bias[0], bias[1].reshape(width, 1)
            else:
                yield "decoder.token_embedding.weight", weights("decoder/embeddings/weight", n_vocab, width)
            for layer in range(count):
                ggml, ct2 = f"{side}.blocks.{layer}", f"{side}/layer_{layer}"
                yield from attention(f"{ggml}.attn", f"{ct2}/self_attention", ("query key value", "out"))
                if side == "decoder":
                    yield from attention(
                        f"{ggml}.cross_attn", f"{ct2}/attention", ("query", "key value", "out")
                    )
                yield from pairs(f"{ggml}.mlp.0", f"{ct2}/ffn/linear_0", 4 * width, width)
                yield from pairs(f"{ggml}.mlp.2", f"{ct2}/ffn/linear_1", width, 4 * width)
                yield from norm(f"{ggml}.mlp_ln", f"{ct2}/ffn/layer_norm")
            yield from norm(f"{side}.ln{'_post' * (side == 'encoder')}", f"{side}/layer_norm")

    found = list(tensors())
    context = {name: len(tensor) for name, tensor in found if name.endswith("positional_embedding")}
    numbers = []
    for side, count in sides.items():
        numbers += [context[f"{side}.positional_embedding"], width, width // HEAD_WIDTH, count]
    return found, (n_vocab, *numbers, n_mels)


def _vocabulary(file: Path) -> list[str]:
    return file.read_text("utf-8").removesuffix("\n").split("\n")


def _write_vocabulary(out: BinaryIO, vocabulary: list[str]) -> None:
    """The plain tokens as bytes; whisper.cpp makes up the special ones that follow them itself."""
    unescape = {escape: byte for byte, escape in enumerate(_gpt2_bytes())}
    plain = vocabulary[:PLAIN_TOKENS]
    out.write(struct.pack("<i", len(plain)))
    for token in plain:
        try:
            raw = bytes(unescape[letter] for letter in token)
        except KeyError as error:
            raise ModelError(f"vocabulary.txt: {token!r} is not a token in GPT-2's byte escapes.") from error
        out.write(struct.pack("<i", len(raw)) + raw)


def _gpt2_bytes() -> list[str]:
    """The printable letter that stands for each byte (OpenAI GPT-2, encoder.py, bytes_to_unicode)."""
    printable = {
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    }
    spare = iter(range(256, 512))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


def _write_tensor(out: BinaryIO, name: str, tensor: Array, quantize: Quantization) -> None:
    if tensor.ndim < 2 or name.endswith("positional_embedding") or tensor.shape[-1] == 1:
        kind, data = _F32, tensor.astype("<f4").tobytes()
    elif quantize == "q8_0" and tensor.ndim == 2:  # ggml has no quantised convolution kernels
        kind, data = _Q8_0, q8_0(tensor)
    else:
        kind, data = _F16, tensor.astype("<f2").tobytes()
    out.write(struct.pack("<3i", tensor.ndim, len(name), kind))
    out.write(struct.pack(f"<{tensor.ndim}i", *reversed(tensor.shape)) + name.encode() + data)
