"""What must be 0: calls beside another of the same attempt, charges that nobody owes, charges that were not made.

What is owed is counted by `reminders`, what is charged by `billing`, each in the state of its partitions. Scrapes of
the two are never of one instant, and a charge takes a moment, so they are compared across five minutes: all that was
owed then is charged by now, and all that was charged then is owed by now.
"""

from __future__ import annotations

from infra.monitoring.model import Alert, Group, Proof, Recording

_OWED = "sum by (tenant, kind) (ringback_charges_owed{})"
_MADE = "sum by (tenant, kind) (ringback_charges{})"
_OF = 'tenant="acme",kind="sms"'
_OWED_HERE, _OWED_THERE = (f'ringback_charges_owed{{{_OF},instance="{i}"}}' for i in "ab")
_MADE_HERE = f'ringback_charges{{{_OF},instance="c"}}'
_LABELS = {"tenant": "acme", "kind": "sms"}
_DUPLICATES = 'ringback_duplicate_calls_total{instance="a"}'
_FACTS = (
    "ringback cat reminders.events --from-beginning --json | jq -r '.value | select(.charged) | .message_sid'"
    " | sort > owed.txt",
    'the SMS that are owed; for calls select `.type == "ANSWERED"` and take `.reminder_id`',
)


def _ago(expression: str, offset: str = "") -> str:
    return expression.replace("{}", f" offset {offset}" if offset else "")


PROMISES = Group(
    "promises",
    "What must be 0: second calls, wrong charges",
    (
        Alert(
            "DuplicateCalls",
            "sum(increase(ringback_duplicate_calls_total[1h])) > 0",
            "0m",
            "page",
            "Somebody was called twice for one attempt",
            "The carrier has two calls of one attempt to call. Each attempt has one request, never repeated, so this is"
            " a bug, a gate that was changed by hand, or somebody who places calls with our account. The second call"
            " was taken back where that was still possible. The alert ends an hour after the last.",
            "The phone rings twice for one reminder; the words are said once.",
            (
                (
                    "ringback cat calls.events --from-beginning --json | jq -r '.value | select(.call_sid) |"
                    ' "\\(.reminder_id) \\(.due_at) \\(.attempt) \\(.call_sid)"'
                    "' | sort -u | cut -d' ' -f1-3 | uniq -d",
                    "reminder, due time and attempt of those with two calls",
                ),
                (
                    "ringback cat calls.events --from-beginning --json > calls.json",
                    "keep it: who claimed, in which epoch, and what each call came to",
                ),
                ("ringback doctor", "Redis: evictions, a failover, a server that is no primary"),
            ),
            Proof(
                {_DUPLICATES: "0+0x10 1+0x20"},
                {_DUPLICATES: "1+0x30"},
                {_DUPLICATES: "0+0x10 1+0x90"},
                "15m",
                "80m",
            ),
        ),
        Recording("ringback:charges_missing", f"{_ago(_OWED, '5m')} - {_ago(_MADE)}"),
        Alert(
            "ChargesMissing",
            "ringback:charges_missing > 0",
            "10m",
            "ticket",
            "{{ $labels.tenant }} owes for {{ $labels.kind }} what was not charged",
            "Facts that ask for a charge are older than five minutes and have none. Billing is behind, has set facts"
            " aside (a tenant that it does not know), or has lost some.",
            "Nothing: they pay less.",
            (
                (
                    "ringback lag --group ringback.billing --once",
                    "OLDEST: behind, it makes up for it by itself",
                ),
                (
                    "ringback dead-letters list --reason unknown_tenant | tail -5",
                    "facts that were set aside: `ringback tenants apply`, then `ringback dead-letters replay`",
                ),
                _FACTS,
            ),
            Proof(
                {_OWED_HERE: "0+6x60", _OWED_THERE: "0+4x60", _MADE_HERE: "0+5x60"},
                {_OWED_HERE: "0+6x60", _OWED_THERE: "0+4x60", _MADE_HERE: "0 0 0+10x58"},
                {
                    _OWED_HERE: "0+6x30 180+0x30",
                    _OWED_THERE: "0+4x30 120+0x30",
                    _MADE_HERE: "0+5x30 300+0x30",
                },
                "30m",
                "45m",
                _LABELS,
            ),
        ),
        Recording("ringback:charges_too_many", f"{_ago(_MADE, '5m')} - {_ago(_OWED)}"),
        Alert(
            "ChargesTooMany",
            "ringback:charges_too_many > 0",
            "10m",
            "page",
            "{{ $labels.tenant }} was charged for {{ $labels.kind }} what it does not owe",
            "There are more charges than facts that ask for one, for longer than a member takes to move. Either a"
            " member of reminders is not scraped (its count is missing in the sum), or something was charged twice.",
            "Perhaps somebody pays too much.",
            (
                (
                    "promtool query instant http://PROMETHEUS:9090 'up{job=~\"ringback.*\"}'",
                    "0 for a member of reminders: that is why",
                ),
                (
                    "ringback cat billing.charges --from-beginning --json | jq -r .value.charge_id | sort | uniq -d",
                    "anything here was charged twice",
                ),
                _FACTS,
            ),
            Proof(
                {_OWED_HERE: "0+6x60", _OWED_THERE: "0+4x60", _MADE_HERE: "0+20x60"},
                {_OWED_HERE: "0+6x60", _OWED_THERE: "0+4x60", _MADE_HERE: "0+10x60"},
                {
                    _OWED_HERE: "0+6x60",
                    _OWED_THERE: "_x31 240+4x29",
                    _MADE_HERE: "0+10x60",
                },
                "30m",
                "40m",
                _LABELS,
            ),
        ),
    ),
)
