from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import ProfileError
from voicebot.profile.layers import read_chain


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def chained(file: Path) -> dict[str, Any]:
    problems: list[ProfileError] = []
    tree = read_chain(file, {}, problems)
    assert problems == []
    plain = tree.plain()
    assert isinstance(plain, dict)
    return plain


def test_mappings_are_merged_and_lists_replaced(write: Any) -> None:
    write("base.yaml", "agent: {greeting: hi, language: de}\nextra: {list: [1, 2], deep: {a: 1, b: 2}}\n")
    top = write(
        "top.yaml", "extends: base.yaml\nagent: {greeting: hello}\nextra: {list: [3], deep: {b: 4}}\n"
    )
    assert chained(top) == {
        "agent": {"greeting": "hello", "language": "de"},
        "extra": {"list": [3], "deep": {"a": 1, "b": 4}},
    }


def test_a_chain_of_files_each_relative_to_its_own(write: Any) -> None:
    write("one.yaml", "a: {x: 1, y: 1, z: 1}\n")
    write("sub/two.yaml", "extends: ../one.yaml\na: {y: 2, z: 2}\n")
    top = write("three.yaml", "extends: sub/two.yaml\na: {z: 3}\n")
    assert chained(top) == {"a": {"x": 1, "y": 2, "z": 3}}
    place = read_chain(top, {}, []).find(["a", "y"])[0].place
    assert (str(place.file), place.line) == ("sub/two.yaml", 2)


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        # The plugin stays: its settings are merged.
        ("tts: {use: piper, voice: a}", "tts: {speed: 2}", {"use": "piper", "voice": "a", "speed": 2}),
        (
            "tts: {use: piper, voice: a}",
            "tts: {use: piper, speed: 2}",
            {"use": "piper", "voice": "a", "speed": 2},
        ),
        ("tts: {use: piper, voice: a}", "tts: piper", {"use": "piper", "voice": "a"}),
        ("tts: piper", "tts: {speed: 2}", {"use": "piper", "speed": 2}),
        # Another plugin: the former one's settings do not carry over.
        ("tts: {use: piper, voice: a}", "tts: espeak", {"use": "espeak"}),
        ("tts: {use: piper, voice: a}", "tts: {use: espeak, pitch: 3}", {"use": "espeak", "pitch": 3}),
        # Chains are lists.
        ("tts: {use: piper, voice: a}", "tts: [espeak, piper]", ["espeak", "piper"]),
        ("tts: [espeak, piper]", "tts: {use: piper}", {"use": "piper"}),
        ("tts: [espeak, piper]", "tts: [piper]", ["piper"]),
    ],
)
def test_a_section_that_changes_its_plugin_starts_afresh(
    write: Any, base: str, over: str, merged: object
) -> None:
    write("base.yaml", base)
    assert chained(write("top.yaml", f"extends: base.yaml\n{over}\n"))["tts"] == merged


def test_settings_without_a_plugin_cannot_go_into_a_chain(write: Any) -> None:
    write("base.yaml", "tts: [espeak, piper]")
    problems: list[ProfileError] = []
    read_chain(write("top.yaml", "extends: base.yaml\ntts: {speed: 2}\n"), {}, problems)
    assert [str(problem).splitlines()[0] for problem in problems] == [
        "top.yaml:2: tts: is a fallback chain below; which entry is meant?"
    ]


def test_a_circle_shows_its_files(write: Any) -> None:
    write("a.yaml", "extends: b.yaml\n")
    write("b.yaml", "x: 1\nextends: ./c.yaml\n")
    write("c.yaml", "extends: a.yaml\n")
    with pytest.raises(
        ProfileError, match=r"^c\.yaml:1: extends: .*circle: a\.yaml -> b\.yaml -> c\.yaml -> a\.yaml"
    ):
        chained(Path("a.yaml"))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nowhere.yaml", "there is no file nowhere.yaml"),
        ("[a, b]", "should be the path"),
        ("''", "should be the path"),
        ("3", "should be the path"),
        ('"a\\0b"', "there is no file|cannot be read"),
        ("top.yaml", "circle: top.yaml -> top.yaml"),
        (".", "there is no file"),
    ],
)
def test_extends_must_lead_to_a_file(write: Any, value: str, said: str) -> None:
    with pytest.raises(ProfileError, match=rf"^top\.yaml:2: extends: .*({said})"):
        chained(write("top.yaml", f"# a profile\nextends: {value}\n"))


def test_extends_may_name_a_bundled_profile(write: Any) -> None:
    top = write("top.yaml", "extends: local\ntts: {speed: 2}\n")
    assert chained(top)["vad"] == "silero"
    assert chained(top)["tts"] == {"use": "espeak", "speed": 2}
    write("local", "tts: piper\n")
    assert chained(top) == {"tts": {"use": "piper", "speed": 2}}, "a file of that name is meant first"


@pytest.mark.parametrize("said", ["local.yaml", "./local.yaml", "../configs/local.yml", "configs/local"])
def test_who_means_a_bundled_profile_is_told_how_to_name_it(write: Any, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        chained(write("top.yaml", f"extends: {said}\n"))
    assert caught.value.hint == "For the bundled profile write its name alone: extends: local"


def test_no_more_files_than_anyone_needs(write: Any) -> None:
    for number in range(20):
        write(f"{number}.yaml", f"extends: {number + 1}.yaml\n")
    with pytest.raises(ProfileError, match="more than 16 files"):
        chained(Path("0.yaml"))


def test_an_error_in_an_extended_file_names_that_file(write: Any) -> None:
    write("base.yaml", "a: 1\na: 2\n")
    with pytest.raises(ProfileError, match=r"^base\.yaml:2: a: is written twice"):
        chained(write("top.yaml", "extends: base.yaml\n"))
