"""`python -m voicebot`."""

from voicebot.cli import entry

if __name__ == "__main__":
    entry()
