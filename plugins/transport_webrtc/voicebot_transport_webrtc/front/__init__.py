"""The half of the transport that runs in `voicebot run`'s process: pages on one side, call workers on the other."""
