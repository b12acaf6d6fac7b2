"""What people forget when they put an agent on a server for the first time: `voicebot doctor`.

Each check looks at one thing from this machine, changes nothing, and says what to do. What can only be seen from
outside (a firewall before the machine) it says so about.
"""

from voicebot.doctor.examine import CHECKS, examine
from voicebot.doctor.finding import Check, Finding, Level, Patient

__all__ = ["CHECKS", "Check", "Finding", "Level", "Patient", "examine"]
