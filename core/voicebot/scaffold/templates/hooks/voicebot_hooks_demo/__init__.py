"""One line in the log for each call: the observer `demo`."""

from voicebot_hooks_demo.provider import DemoHooks

__all__ = ["DemoHooks"]
