"""The keys that mean something during a call: offered by the gateway, acted upon by the timer stream."""

from __future__ import annotations

from typing import Final

DONE: Final = "1"
SNOOZE: Final = "2"  # ten minutes more
NEVER: Final = "9"  # as STOP by SMS
