"""How long a stop may take, added up. Whatever kills a process that does not stop must wait longer than this:
`terminationGracePeriodSeconds`, compose's `stop_grace_period` and systemd's `TimeoutStopSec` are made from here.
"""

from __future__ import annotations

import math

from connectors.gateway.limits import STOP_WAIT_S
from streams.runtime.loop import SHUTDOWN_S
from streams.runtime.membership import LEAVE_S
from streams.runtime.transactions import CALL_TIMEOUT_S

# One budget for all members of a process: the loop's own deadline, the transaction call that SIGTERM finds under way,
# asking who else is in the group, and leaving it.
JOIN_S = SHUTDOWN_S + CALL_TIMEOUT_S + 1.0 + 2 * LEAVE_S
# By then the loops have waited for their effects; what still runs ends as UNKNOWN and is resolved later.
HANDS_S = 2.0
# What closing the clients of the hands may take on top (connectors/hands.py), and the interpreter's own end.
SLACK_S = 8.0


def stages_stop_s() -> int:
    """Whole seconds from SIGTERM after which `ringback run` has ended."""
    return math.ceil(JOIN_S + HANDS_S + SLACK_S)


def gateway_stop_s() -> int:
    """Whole seconds from SIGTERM after which `ringback gateway` has ended: requests in flight, then the producer."""
    return math.ceil(2 * STOP_WAIT_S + SLACK_S)
