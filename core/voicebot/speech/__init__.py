"""From the language model's text to audio the listener hears: clauses, the commit gate, pacing, what was heard."""
