"""The conversion from CTranslate2 to ggml, on a Whisper of one layer made up here, and on the real one."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.errors import ModelError
from voicebot.models import ModelStore
from voicebot_stt_whispercpp.convert import convert, mel_filters
from voicebot_stt_whispercpp.ct2_format import read_variables
from voicebot_stt_whispercpp.quantize import q8_0

RNG = np.random.default_rng(11)
WIDTH, MELS, TOKENS = 64, 80, 40
CODES = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}
Variables = dict[str, np.ndarray[Any, Any]]


def ct2(variables: Variables, spec: str = "WhisperSpec", version: int = 6) -> bytes:
    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    out = struct.pack("<I", version) + string(spec) + struct.pack("<II", 3, len(variables))
    for name, value in variables.items():
        out += string(name) + struct.pack("<B", value.ndim)
        out += b"".join(struct.pack("<I", size) for size in value.shape)
        out += struct.pack("<BI", CODES[value.dtype.name], value.nbytes) + value.tobytes()
    return out + struct.pack("<I", 0)


def whisper() -> Variables:
    def weights(*shape: int) -> np.ndarray[Any, Any]:
        return RNG.normal(size=shape).astype(np.float16)

    shapes: dict[str, tuple[int, ...]] = {
        "encoder/conv1/weight": (WIDTH, MELS, 3),
        "encoder/conv1/bias": (WIDTH,),
        "encoder/conv2/weight": (WIDTH, WIDTH, 3),
        "encoder/conv2/bias": (WIDTH,),
        "decoder/embeddings/weight": (TOKENS, WIDTH),
    }
    for side, positions in (("encoder", 15), ("decoder", 9)):
        shapes[f"{side}/position_encodings/encodings"] = (positions, WIDTH)
        layer = f"{side}/layer_0"
        linears = {f"{layer}/self_attention/linear_0": (3, 1), f"{layer}/self_attention/linear_1": (1, 1)}
        linears |= {f"{layer}/ffn/linear_0": (4, 1), f"{layer}/ffn/linear_1": (1, 4)}
        norms = [side, f"{layer}/self_attention", f"{layer}/ffn"]
        if side == "decoder":
            linears |= {
                f"{layer}/attention/linear_{index}": (rows, 1) for index, rows in enumerate((1, 2, 1))
            }
            norms.append(f"{layer}/attention")
        for name, (rows, columns) in linears.items():
            shapes[f"{name}/weight"], shapes[f"{name}/bias"] = (
                (rows * WIDTH, columns * WIDTH),
                (rows * WIDTH,),
            )
        for name in norms:
            shapes[f"{name}/layer_norm/gamma"] = shapes[f"{name}/layer_norm/beta"] = (WIDTH,)
    return {name: weights(*shape) for name, shape in shapes.items()}


def folder(path: Path, model: bytes, tokens: int = TOKENS) -> Path:
    path.mkdir(exist_ok=True)
    (path / "model.bin").write_bytes(model)
    lines = ["!", "Ġa", "Ċ"] + [f"t{index}" for index in range(tokens - 3)]
    (path / "vocabulary.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return path


def read_ggml(
    data: bytes,
) -> tuple[tuple[int, ...], list[bytes], dict[str, tuple[int, tuple[int, ...], bytes]]]:
    """Header, tokens, and tensors as (type, shape, bytes): an independent reading of the layout."""
    at = 0

    def take(fmt: str) -> tuple[Any, ...]:
        nonlocal at
        values = struct.unpack_from("<" + fmt, data, at)
        at += struct.calcsize("<" + fmt)
        return values

    header = take("12i")
    rows, columns = take("2i")
    take(f"{rows * columns}f")
    tokens = [take(f"{take('i')[0]}s")[0] for _ in range(take("i")[0])]
    tensors = {}
    while at < len(data):
        rank, length, kind = take("3i")
        shape = tuple(reversed(take(f"{rank}i")))
        name = take(f"{length}s")[0].decode()
        count = int(np.prod(shape))
        size = {0: 4 * count, 1: 2 * count, 8: count // 32 * 34}[kind]
        tensors[name] = kind, shape, take(f"{size}s")[0]
    return header, tokens, tensors


def test_every_tensor_arrives_under_its_name(tmp_path: Path) -> None:
    source = whisper()
    convert(folder(tmp_path / "ct2", ct2(source)), tmp_path / "out.bin")
    header, tokens, tensors = read_ggml((tmp_path / "out.bin").read_bytes())
    assert header == (0x67676D6C, TOKENS, 15, WIDTH, 1, 1, 9, WIDTH, 1, 1, MELS, 1)
    assert tokens[:4] == [b"!", b" a", b"\n", b"t0"]
    packed = source["encoder/layer_0/self_attention/linear_0/weight"]
    assert tensors["encoder.blocks.0.attn.key.weight"] == (
        1,
        (WIDTH, WIDTH),
        packed[WIDTH : 2 * WIDTH].tobytes(),
    )
    bias = source["decoder/layer_0/attention/linear_1/bias"][WIDTH:]
    assert tensors["decoder.blocks.0.cross_attn.value.bias"] == (0, (WIDTH,), bias.astype("<f4").tobytes())
    assert tensors["encoder.conv1.bias"][:2] == (0, (WIDTH, 1))
    assert tensors["encoder.conv2.weight"][:2] == (1, (WIDTH, WIDTH, 3))
    assert tensors["decoder.positional_embedding"][:2] == (0, (9, WIDTH))
    assert not [name for name in tensors if name.endswith("key.bias")]
    assert len(tensors) == 7 + 15 + 4 + 24  # encoder, its layer, decoder, its layer


def test_q8_0_is_for_matrices_only(tmp_path: Path) -> None:
    source = folder(tmp_path / "ct2", ct2(whisper()))
    convert(source, tmp_path / "out.bin", quantize="q8_0")
    header, _, tensors = read_ggml((tmp_path / "out.bin").read_bytes())
    assert header[-1] == 2007
    kinds = {name: kind for name, (kind, _, _) in tensors.items()}
    assert kinds["decoder.token_embedding.weight"] == kinds["encoder.blocks.0.mlp.0.weight"] == 8
    assert kinds["encoder.conv1.weight"] == 1
    assert kinds["encoder.ln_post.weight"] == kinds["encoder.positional_embedding"] == 0


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    source = folder(tmp_path / "ct2", ct2(whisper()))
    for name in ("one", "two"):
        convert(source, tmp_path / name, quantize="q8_0")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def without(name: str) -> bytes:
    variables = whisper()
    del variables[name]
    return ct2(variables)


def changed(name: str, value: np.ndarray[Any, Any]) -> bytes:
    return ct2(whisper() | {name: value})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (b"", "empty"),
        (b"GGUF" * 9, "not a CTranslate2 model"),
        (ct2(whisper(), spec="TransformerSpec"), "TransformerSpec"),
        (ct2(whisper(), version=3), "found 3"),
        (ct2(whisper())[:-5000], "ends too early"),
        (without("encoder/conv1/bias"), "encoder/conv1/bias"),
        (without("encoder/layer_0/self_attention/linear_0/weight"), "not a Whisper model"),
        (changed("encoder/layer_norm/beta", np.zeros(WIDTH, np.int8)), "quantised already"),
        (changed("encoder/layer_norm/beta", np.full(WIDTH, np.nan, np.float32)), "float16 cannot"),
        (changed("encoder/layer_norm/beta", np.full(WIDTH, 1e6, np.float32)), "float16 cannot"),
        (changed("encoder/layer_norm/beta", np.zeros(3, np.float16)), "shape"),
    ],
)
def test_what_cannot_be_converted_is_named(tmp_path: Path, model: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        convert(folder(tmp_path / "ct2", model), tmp_path / "out.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["ct2"]


def test_a_vocabulary_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="41 tokens"):
        convert(folder(tmp_path / "ct2", ct2(whisper()), tokens=41), tmp_path / "out.bin")
    (tmp_path / "ct2" / "vocabulary.txt").unlink()
    with pytest.raises(ModelError, match=r"vocabulary\.txt"):
        convert(tmp_path / "ct2", tmp_path / "out.bin")


MODEL = ct2(whisper())


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, len(MODEL) - 1), st.integers(0, 255)), max_size=4),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=4),
    st.integers(0, len(MODEL)) | st.just(len(MODEL)),
)
def test_damaged_models_are_refused_or_converted(
    tmp_path_factory: pytest.TempPathFactory,
    anywhere: list[tuple[int, int]],
    early: list[tuple[int, int]],
    length: int,
) -> None:
    data = bytearray(MODEL)
    for at, value in anywhere + early:
        data[at] = value
    path = tmp_path_factory.mktemp("fuzz")
    try:
        convert(folder(path / "ct2", bytes(data[:length])), path / "out.bin")
    except ModelError:
        assert not (path / "out.bin").exists()
    else:
        read_ggml((path / "out.bin").read_bytes())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ModelError):
        read_variables(struct.pack("<IH", 6, 12) + b"WhisperSpec\0" + data)


def test_the_mel_filters_are_those_of_faster_whisper() -> None:
    extractor = pytest.importorskip("faster_whisper.feature_extractor")
    for bands in (80, 128):
        reference = extractor.FeatureExtractor.get_mel_filters(16000, 400, bands)
        np.testing.assert_allclose(mel_filters(bands), reference, atol=1e-8)


@given(st.integers(0, 2**32), st.sampled_from([1e-7, 1.0, 60000.0]))
@settings(max_examples=30)
def test_q8_0_is_ggmls_to_the_bit(seed: int, scale: float) -> None:
    engine = pytest.importorskip("_pywhispercpp")
    ggml = ctypes.CDLL(str(next(Path(engine.__file__).parent.glob("libggml-base.so*"))))
    rng = np.random.default_rng(seed)
    values = np.concatenate(
        [rng.normal(size=(8, 64)) * scale, rng.integers(-254, 255, (8, 64)) / 2, np.zeros((1, 64))]
    ).astype(np.float32)
    expected = ctypes.create_string_buffer(values.size // 32 * 34)
    ggml.quantize_row_q8_0_ref(values.ctypes.data_as(ctypes.c_void_p), expected, ctypes.c_int64(values.size))
    assert q8_0(values) == expected.raw


@pytest.mark.engine
def test_the_real_model_converts_to_the_manifests_bytes(model_store: ModelStore, tmp_path: Path) -> None:
    convert(model_store.path("whisper-tiny.en-ct2"), tmp_path / "out.bin", quantize="q8_0")
    (expected,) = model_store.manifest.models["whisper-tiny.en-ggml-q8_0"].files
    assert hashlib.sha256((tmp_path / "out.bin").read_bytes()).hexdigest() == expected.sha256
