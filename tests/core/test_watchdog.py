from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import threading
from voicebot.watchdog import exit_within

def print_for_ever():
    while True:
        print("x" * 1000, flush=True)

threading.Thread(target=print_for_ever, daemon=True).start()
exit_within(7, 0.1)
threading.Event().wait()
"""


def exit_code(*, is_read_by_nobody: bool) -> int:
    # Without a buffer there is nothing to flush.
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ) as process:
        assert process.stdout is not None
        if not is_read_by_nobody:
            process.stdout.close()
        try:
            return process.wait(timeout=30)
        finally:
            process.kill()


def test_a_process_ends_though_nobody_reads_its_output() -> None:
    assert exit_code(is_read_by_nobody=True) == 7


def test_a_process_ends_though_its_output_is_gone() -> None:
    assert exit_code(is_read_by_nobody=False) == 7
