"""Who may call, how often and for how long: call tokens, limits per address, and the end of a call that lasts too long.

Decisions only, with the time as an argument; the fronts carry them out. The SFU has the same rules in JavaScript
(sfu/src/access.js, tokens.js, limits.js), and the tests of both read the same cases.
"""
