"""Numbers that manifests are made from, each with its reason; what the code says is taken from the code."""

from __future__ import annotations

import math

from connectors.settings import Settings
from infra.run.stopping import gateway_stop_s, stages_stop_s
from streams.topology import DEFAULT_PARTITIONS

IMAGE = "ringback:0.1.0"
USER = 10001
HTTP_PORT = 9400  # /healthz, /readyz, /metrics of `ringback run`
GATEWAY_PORT = 8080
LAG_PORT = 9308  # the known exporter's
VIEWS_PORT = int(Settings().views_port)
# 35 days of 400,000 records a day at the measured 1.2 kB are 17 GB.
VIEWS_DISK = "20Gi"

PARTITIONS = DEFAULT_PARTITIONS
REPLICATION = 3

# Two of each: one hands over to the other, so that an upgrade or a lost node leaves nobody without an owner.
REPLICAS = 2

# A load balancer goes on sending for a moment after a pod is told to stop: the gateway waits for that first.
DRAIN_S = 5
STAGE_GRACE_S = stages_stop_s()
GATEWAY_GRACE_S = DRAIN_S + gateway_stop_s()
LAG_GRACE_S = 10  # it has nothing to lose

# Between two pods of an upgrade: two rebalances (one left, one joined) end before the next one leaves.
SETTLE_S = 10

# A member that waits for the tenants table gives up after 60 s by itself and says why: until then the probe is patient.
START_S = 120

# What the carrier takes for the whole account in the example; the gate enforces what the tenants table says.
CARRIER_CALLS_PER_SECOND = 100
# What one member is trusted with. Not measured, low on purpose (the carrier's client takes 0.2 ms of CPU a call):
# a member too many waits at the gate, a member too few makes reminders late.
CALLS_PER_SECOND_OF_MEMBER = 25


def most_members_of_calls(calls_per_second: float = CARRIER_CALLS_PER_SECOND) -> int:
    """Members beyond which `calls` gains nothing: as many as reach the carrier's cap, and one a partition at most.

    More would not call more, because the gate holds the cap for all of them together; they would only queue at it.
    """
    return max(REPLICAS, min(PARTITIONS, math.ceil(calls_per_second / CALLS_PER_SECOND_OF_MEMBER)))


# One member reads some thousand SMS a second; two thousand waiting are acknowledged within the 2 s of the SLO.
INBOUND_LAG_OF_MEMBER = 2_000
# Reminders that are due are called within 1 s (SLO). A backlog this old is not a burst that passes by itself.
OVERDUE_S = 5
