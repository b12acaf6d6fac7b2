"""The operator's page: which calls are on, where their time goes, and a way to end one.

A small HTTP server of `voicebot run`'s own, whatever transport brings the calls, and apart from the port of callers.
"""
