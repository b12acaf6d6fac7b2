"""What is kept of calls: an audit log, transcripts, recordings; each off by default, and none without consent."""

from voicebot.keeping.connection import KeptConnection, kept
from voicebot.keeping.reading import AuditLog, Problem, read_log
from voicebot.keeping.schema import AuditLine
from voicebot.keeping.store import CallStore, KeptCall, prepare

__all__ = [
    "AuditLine",
    "AuditLog",
    "CallStore",
    "KeptCall",
    "KeptConnection",
    "Problem",
    "kept",
    "prepare",
    "read_log",
]
