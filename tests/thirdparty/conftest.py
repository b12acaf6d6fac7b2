"""The outside plugin's own tests run where it is installed."""

collect_ignore = ["voicebot-morse"]
