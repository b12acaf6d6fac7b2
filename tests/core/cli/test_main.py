from __future__ import annotations

import subprocess
import sys

import click
import pytest

from voicebot import __version__
from voicebot.cli import main
from voicebot.cli.main import COMMANDS, cli
from voicebot.errors import VoicebotError


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """A command `fail` that raises what is put here."""
    raised: dict[str, BaseException] = {}

    @click.command()
    def fail() -> None:
        raise raised["error"]

    monkeypatch.setitem(COMMANDS, "fail", ("here:fail", ""))
    real = type(cli).get_command
    monkeypatch.setattr(
        type(cli), "get_command", lambda self, ctx, name: fail if name == "fail" else real(self, ctx, name)
    )
    return raised


def test_help_names_every_command_and_imports_none() -> None:
    script = (
        "import sys; from voicebot.cli import main; code = main(['--help']); "
        "heavy = [m for m in ('pydantic', 'yaml', 'numpy', 'rich', 'rapidfuzz', 'pluggy') if m in sys.modules]; "
        "print('IMPORTED', heavy, code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "IMPORTED [] 0" in done.stdout
    for name, (_, line) in COMMANDS.items():
        assert name in done.stdout
        assert line.split()[0] in done.stdout
    assert "worker" not in done.stdout


def test_python_dash_m_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "voicebot", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"voicebot, version {__version__}\n")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_a_user_s_error_is_a_message_and_exit_code_2(
    failing: dict[str, BaseException], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOICEBOT_DEBUG", raising=False)
    failing["error"] = VoicebotError("it is wrong", hint="Do this.")
    assert main(["fail"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Error: it is wrong\n  Do this.\n")


@pytest.mark.parametrize(("arguments", "variable"), [(["--debug", "fail"], "0"), (["fail"], "1")])
def test_debug_shows_the_traceback(
    failing: dict[str, BaseException],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    variable: str,
) -> None:
    monkeypatch.setenv("VOICEBOT_DEBUG", variable)
    failing["error"] = VoicebotError("it is wrong")
    assert main(arguments) == 2
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_quiet(failing: dict[str, BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    failing["error"] = KeyboardInterrupt()
    assert main(["fail"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_fault_of_ours_is_not_hidden(failing: dict[str, BaseException]) -> None:
    failing["error"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        main(["fail"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chek"], "There is no command 'chek'. Did you mean 'check'?"),
        (["qqqq"], "There is no command 'qqqq'.\n"),
        (["check", "--nonsense"], "--nonsense"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["check"], ["run"], ["plugins"], ["plugins", "list"], ["plugins", "show"], ["schema"]]
)
def test_every_help_has_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown or "COMMAND" in shown


def test_an_unknown_log_level_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICEBOT_LOG", "verbose")
    assert main(["plugins", "list"]) == 2
    assert "VOICEBOT_LOG: there is no log level 'verbose'" in capsys.readouterr().err
