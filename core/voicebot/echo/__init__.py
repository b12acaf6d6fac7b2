"""Is what the microphone hears the agent's own voice, back from a loudspeaker?"""

from voicebot.echo.check import IS_ECHO, EchoCheck

__all__ = ["IS_ECHO", "EchoCheck"]
