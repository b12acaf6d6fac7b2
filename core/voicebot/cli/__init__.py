"""The command line. Each command is imported when it is run, so that `voicebot --help` is instant."""

from voicebot.cli.main import entry, main

__all__ = ["entry", "main"]
