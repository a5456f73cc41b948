"""Tenants beside each other: what they send, what becomes of it, what it costs."""

from __future__ import annotations

from infra.monitoring.boards.model import Board, Panel, Query, Row, Variable

_T = 'tenant=~"$tenant"'

_STANDING = Row(
    "Where their reminders stand",
    (
        Panel(
            "Reminders by tenant",
            "table",
            (
                *(
                    Query(f'sum by (tenant) (ringback_reminders{{{_T},class="{name}"}})', name)
                    for name in ("accepted", "pending", "fired", "open", "cancelled", "expired", "dead")
                ),
                Query(f"sum by (tenant) (ringback_sms_refused{{{_T}}})", "SMS refused"),
            ),
            about="Counted since ever. `open` are those of `fired` that have not ended.",
            width=24,
            alerts=("RemindersUnaccounted",),
        ),
    ),
)

TENANTS_BOARD = Board(
    "tenants",
    "Ringback: tenants and money",
    "What each tenant sends, what becomes of it, what it costs.",
    (_STANDING,),
    (Variable("tenant", "Tenant", "ringback_reminders", "tenant"),),
)
