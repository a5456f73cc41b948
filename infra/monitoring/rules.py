"""All groups of rules, in the order of the runbook."""

from __future__ import annotations

from infra.monitoring.carrier import CARRIER
from infra.monitoring.kafka import KAFKA
from infra.monitoring.model import Group
from infra.monitoring.money import MONEY
from infra.monitoring.objectives import OBJECTIVES
from infra.monitoring.promises import PROMISES
from infra.monitoring.reminders import REMINDERS
from infra.monitoring.views import VIEWS

GROUPS: tuple[Group, ...] = (OBJECTIVES, PROMISES, REMINDERS, CARRIER, MONEY, KAFKA, VIEWS)
