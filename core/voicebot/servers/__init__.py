"""What plugins share whose engine is behind an HTTP server of the user's choice.

- `config`: the settings that say where it is;
- `client`: connections that are opened once, hung up at once, and never show a secret;
- `line`: the same to an OpenAI-compatible server, opened before it is needed and kept open;
- `failures`, `waits`, `models`: what a server answers instead of what was asked for. Pure.
"""

from __future__ import annotations

from voicebot.servers.config import ConnectTimeout, Headers, ModelServerConfig, ServerAddress

__all__ = ["ConnectTimeout", "Headers", "ModelServerConfig", "ServerAddress"]
