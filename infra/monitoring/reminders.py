"""Symptoms of the pipeline: reminders late, records set aside, partitions that stand still, books that differ."""

from __future__ import annotations

from infra.monitoring.model import Alert, Group, Proof
from infra.monitoring.stories import level, pace

# prometheus-client notes when a counter was made; this one has no labels, so that it is there from the start.
_STARTED = 'ringback_clock_anchored_created{instance="a",job="ringback-calls"}'

REMINDERS = Group(
    "reminders",
    "The pipeline: reminders, records, members",
    (
        Alert(
            "RemindersOverdue",
            "max by (partition) (reminders_overdue_seconds) > 30",
            "1m",
            "page",
            "Reminders of partition {{ $labels.partition }} are due and are not fired",
            "The next timer of this partition has been due for more than 30 s and the timer stream has"
            " not taken it. The figure"
            " comes from the committed notes of the stream, so it grows too when no member runs.",
            "Phones do not ring. What is later than `late_grace_s` (15 minutes) becomes an SMS in place"
            " of a call.",
            (
                (
                    "ringback lag --group ringback.reminders --partitions --once",
                    "MEMBERS 0: start some; else which partitions",
                ),
                ("curl -s http://REMINDERS:9400/readyz", "the partition that is being restored or held"),
                ("ringback doctor", "clock and broker; see also `ClockHeld` and `PartitionHeld`"),
            ),
            level('reminders_overdue_seconds{partition="3"}', 95, 4, {"partition": "3"}),
        ),
        Alert(
            "DeadLetterFlood",
            "sum by (stage) (rate(ringback_loop_dead_letters_total[5m]))"
            " / sum by (stage) (rate(ringback_loop_records_total[5m])) > 0.01"
            " and sum by (stage) (increase(ringback_loop_dead_letters_total[5m])) > 10",
            "2m",
            "page",
            "{{ $labels.stage }} sets more than 1 % of its records aside",
            "Records cannot be processed and go to `dead.letters`. Above 10 % of at least 1,000 records"
            " in a minute the partition"
            " stops by itself (`PartitionHeld`), so that a broken producer does not empty a topic into it.",
            "The SMS in question get no answer and no call until they are replayed. Nothing is lost.",
            (
                (
                    "ringback dead-letters list | tail -20",
                    "reason and source: one producer, one tenant, or all",
                ),
                ("ringback cat sms.inbound --max 3 --json", "what its producer writes now"),
                ("ringback dead-letters replay --reason REASON", "once the cause is mended, and not before"),
            ),
            pace(
                'ringback_loop_dead_letters_total{stage="inbound",instance="a"}',
                40,
                3,
                {"stage": "inbound"},
                {'ringback_loop_records_total{stage="inbound",instance="a"}': "0+1000x80"},
            ),
        ),
        Alert(
            "PartitionHeld",
            "max by (stage, partition) (ringback_loop_held) == 1",
            "2m",
            "page",
            "{{ $labels.stage }} stands still in partition {{ $labels.partition }}",
            "Something that a record needs is not there (a schema, mostly): the partition waits at that record and asks"
            " again. Or too many records were dead letters: then it goes on when the member is restarted, which is for"
            " a person to decide, once the producer is mended. Nothing is skipped.",
            "Everybody whose number falls in this partition waits: about one in as many users as there"
            " are partitions.",
            (
                ("curl -s http://STAGE:9400/readyz", "`held`: which partition, and what it waits for"),
                (
                    "ringback dead-letters list | tail -20",
                    "a flood: whose records, and why they were set aside",
                ),
                ("ringback doctor", "whether the schema registry answers"),
            ),
            level(
                'ringback_loop_held{stage="calls",partition="2",instance="a"}',
                1,
                0,
                {"stage": "calls", "partition": "2"},
                {'ringback_loop_held{stage="calls",partition="2",instance="b"}': "0+0x30"},
            ),
        ),
        Alert(
            "RemindersUnaccounted",
            "sum by (tenant) (ringback_reminders_unaccounted) != 0",
            "5m",
            "page",
            "Reminders of {{ $labels.tenant }} do not add up",
            "Accepted is not pending + fired + cancelled + expired + dead. Reminders were lost or made"
            " up: a bug, or a store that was"
            " changed by hand.",
            "Perhaps somebody is not called, or called for nothing.",
            (
                (
                    "ringback cat reminders.changelog --from-beginning --json > changelog.json",
                    "keep it, before compaction goes on",
                ),
                (
                    "ringback cat reminders.events --from-beginning --json > events.json",
                    "keep it too; it says what became of each",
                ),
                ("ringback trace PHONE", "the life of one reminder of this tenant, from the topics"),
            ),
            level('ringback_reminders_unaccounted{tenant="acme",instance="a"}', -1, 0, {"tenant": "acme"}),
        ),
        Alert(
            "AuditDiffers",
            'sum(ringback_reminders_audits_total{result="differ"}) > 0',
            "0m",
            "ticket",
            "A partition's counters were not those of its store",
            "From time to time the counters of a partition are held against what its store holds. They"
            " did not agree; the log names"
            " tenant and class. The alert stays until the member is restarted.",
            "Nothing yet: counters are for people who look, timers come from the store.",
            (
                ("grep 'books do not agree' LOG", "which partition, tenant and class"),
                (
                    "ringback cat reminders.changelog --from-beginning --json > changelog.json",
                    "keep it for whoever looks for the bug",
                ),
                (
                    "ringback lag --group ringback.reminders --partitions --once",
                    "whether that partition still goes on",
                ),
            ),
            level(
                'ringback_reminders_audits_total{result="differ",instance="a"}',
                1,
                0,
                {},
                {'ringback_reminders_audits_total{result="agree",instance="a"}': "1+1x40"},
            ),
        ),
        Alert(
            "ClockHeld",
            "max by (instance) (ringback_clock_held) == 1",
            "30s",
            "page",
            "{{ $labels.instance }} fires no timer: its clock and the broker's differ",
            "The clock of this machine and the append times of the broker differ by more than"
            " `RINGBACK_CLOCK_TOLERANCE_S`. Nothing is"
            " called early or late by a wrong clock; timers wait until the clocks agree.",
            "Reminders of this member's partitions are late for as long.",
            (
                ("chronyc tracking || timedatectl", "on that machine: is it synchronised?"),
                ("ringback doctor", "how far the broker's clock is from ours"),
                (
                    "curl -s http://REMINDERS:9400/metrics | grep ringback_clock",
                    "the difference and its direction, in seconds",
                ),
            ),
            level(
                'ringback_clock_held{instance="a"}',
                1,
                0,
                {"instance": "a"},
                {'ringback_clock_held{instance="b"}': "0+0x30"},
            ),
        ),
        Alert(
            "RestartLoop",
            "changes(ringback_clock_anchored_created[15m]) > 2",
            "0m",
            "page",
            "{{ $labels.instance }} was started more than twice in 15 minutes",
            "The start time of the process changes again and again. With exit code 2 a setting is wrong,"
            " with 3 Kafka or Redis was not"
            " there, with 137 the memory ran out.",
            "Its partitions move at each start: short delays, and long ones when all members do it.",
            (
                (
                    "kubectl logs POD --previous | tail -20",
                    "the last words; with compose `docker compose logs --tail 20 SERVICE`",
                ),
                ("ringback doctor", "what does not answer"),
                ("ringback config", "the settings in force and where each comes from"),
            ),
            Proof(
                {_STARTED: "1000 1000 1180 1180 1320 1320 1460 1460+0x20"},
                {_STARTED: "1000 1000 1180 1180 1320+0x20"},
                {_STARTED: "1000 1000 1180 1180 1320 1320 1460+0x40"},
                "10m",
                "30m",
                {"instance": "a", "job": "ringback-calls"},
            ),
        ),
        Alert(
            "MemberRestarts",
            "sum by (stage, instance) (increase(ringback_loop_restarts_total[15m])) > 2",
            "0m",
            "page",
            "A member of {{ $labels.stage }} in {{ $labels.instance }} is started anew again and again",
            "The process lives, and a member in it was fenced or failed more than twice in 15 minutes. Fenced: another"
            " process has its name (`RINGBACK_MEMBER`). Failed: a bug, or a broker that does not let it in.",
            "Its partitions stand still between two starts.",
            (
                ("grep 'started anew' LOG | tail -5", "why, in words"),
                ("ringback config", "at each member: `RINGBACK_MEMBER` and `RINGBACK_STATE_DIR`"),
                ("ringback doctor", "how the brokers answer"),
            ),
            pace(
                'ringback_loop_restarts_total{stage="calls",instance="a"}',
                2,
                0.1,
                {"stage": "calls", "instance": "a"},
            ),
        ),
        Alert(
            "MembersFight",
            "sum by (stage) (rate(ringback_loop_aborts_total[5m])) > 0.1",
            "10m",
            "ticket",
            "Transactions of {{ $labels.stage }} are aborted again and again",
            "More than six transactions a minute are aborted and done again: two members have one name"
            " (`RINGBACK_MEMBER`) and fence"
            " each other, or the broker answers too slowly.",
            "Delays. Nothing happens twice.",
            (
                (
                    "ringback lag --group 'ringback.*' --once",
                    "MEMBERS: fewer than processes means a name that two have",
                ),
                ("ringback config", "at each member: `RINGBACK_MEMBER`"),
                ("ringback doctor", "how the brokers answer"),
            ),
            pace('ringback_loop_aborts_total{stage="calls",instance="a"}', 30, 1, {"stage": "calls"}),
        ),
    ),
)
