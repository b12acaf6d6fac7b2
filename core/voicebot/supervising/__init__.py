"""`voicebot run`: the process that takes calls from outside, and the call workers that hold them.

The supervisor serves the transport's front and keeps the call workers alive; each is a process that holds one call at a
time, so that neither a crash nor a busy interpreter reaches another call. They are joined by two pipes: the worker's
standard input, which says by its end that the supervisor is gone, and its standard output, on which it tells what
happens (`voicebot.supervising.messages`).
"""
