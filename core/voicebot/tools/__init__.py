"""Tools: Python functions that the language model may call while it answers."""

from voicebot.settings import ToolCallSettings, ToolChoice
from voicebot.tools.conversation import Conversation, Generate
from voicebot.tools.errors import ToolError, ToolLoadError
from voicebot.tools.find import find_tools, without_use
from voicebot.tools.runner import ToolEvent, ToolRunner
from voicebot.tools.spec import Tool, tool_from

__all__ = [
    "Conversation",
    "Generate",
    "Tool",
    "ToolCallSettings",
    "ToolChoice",
    "ToolError",
    "ToolEvent",
    "ToolLoadError",
    "ToolRunner",
    "find_tools",
    "tool_from",
    "without_use",
]
