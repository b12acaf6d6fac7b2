"""Servers that speak the real wire protocols of what cannot run everywhere, and misbehave on demand.

    python -m voicebot.testing.fakes

serves all of them; `http.FakeServer` serves one within a test.
"""
