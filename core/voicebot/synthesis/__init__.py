"""What text-to-speech engines share.

- `text`: text that an engine can be given, whoever wrote it, in pieces that it can be stopped between;
- `silence`: trimming the silence around a clause, as it streams.
"""
