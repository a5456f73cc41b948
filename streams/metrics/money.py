"""Charges: what is owed by the timer stream's count, what was made by billing's, and what it comes to.

Both counts are part of the state, written in the transactions that they count: no crash loses or doubles one, and
added up over all members they are equal but for what is on its way.
"""

from __future__ import annotations

from streams.metrics.metric import CONTEXT, Metric

MONEY = (
    Metric(
        "ringback_charges_owed",
        "gauge",
        "charges",
        ("tenant", "kind"),
        "facts that ask for a charge, counted in this member's partitions since ever: SMS whose outcome is charged"
        " (sms), occurrences that were answered (answered)",
        "to be equal, added up, to ringback_charges: ChargesMissing and ChargesTooMany say what to do if not",
    ),
    Metric(
        "ringback_charges",
        "gauge",
        "charges",
        ("tenant", "kind"),
        "charges made by billing, counted in this member's partitions since ever",
        "as with ringback_charges_owed",
    ),
    Metric(
        "ringback_charged",
        "gauge",
        "currency",
        ("tenant", "kind", "currency"),
        "what those charges come to, in units of the currency; for graphs, the sum of record is billing.charges",
        f"{CONTEXT}; a jump: whose SMS or calls are they, and are they wanted?",
    ),
)
