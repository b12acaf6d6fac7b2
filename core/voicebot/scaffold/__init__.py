"""`voicebot plugins new`: a plugin's package, written from templates that work as they are."""

from voicebot.scaffold.naming import SCAFFOLDED, check_name
from voicebot.scaffold.writing import package_files, write_package

__all__ = ["SCAFFOLDED", "check_name", "package_files", "write_package"]
