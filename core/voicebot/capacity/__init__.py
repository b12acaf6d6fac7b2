"""`voicebot capacity`: how many calls a machine holds before they spoil each other.

Simulated users talk to as many processes with the profile's engines as there are to be calls, each a process as a call
worker is; one more in each step. All of them say the same things, one after another, and not at the same time.
"""
