"""Symptoms of the read models. Nothing depends on them: whoever asks them is who notices."""

from __future__ import annotations

from infra.monitoring.model import Alert, Group
from infra.monitoring.stories import level, pace

_STATUS = (
    'curl -s -H "Authorization: Bearer $(cat TOKEN_FILE)" http://VIEWS:8070/v1/status',
    "`held`: what is waited for; `partitions`: where `fetched` is null, another worker has it",
)
_HERE = 'instance="views:9400"'
_BEHIND = f"ringback_views_behind_seconds{{{_HERE}}}"

VIEWS = Group(
    "views",
    "Read models",
    (
        Alert(
            "ViewsBehind",
            "max by (instance) (ringback_views_behind_seconds) > 60",
            "5m",
            "ticket",
            "The read models of {{ $labels.instance }} are more than a minute old",
            "Their answers lack what was committed since then: a partition is not read, a transaction hangs"
            " in one, or more comes than one worker takes in (some 35,000 records a second).",
            "Nothing on the phone. Whoever looks at reminders or charges sees those of a while ago, and"
            " `as_of` says of when.",
            (
                _STATUS,
                (
                    "ringback lag --partitions --once",
                    "whether a last stable offset stands still; then see `LastStableOffsetStuck`",
                ),
                (
                    "ps -o pid,pcpu,etime,args -C ringback",
                    "a core that is full: give views a process, or a machine, of their own",
                ),
            ),
            level(_BEHIND, 300, 2, {"instance": "views:9400"}),
        ),
        Alert(
            "ViewsNotWhole",
            "max by (instance) (ringback_views_whole) == 0",
            "15m",
            "ticket",
            "The read models of {{ $labels.instance }} answer nobody",
            "For a quarter of an hour their tables have lacked something that lay in the topics when the"
            " worker started. After `--rebuild` that may be true for as long as reading takes; else a schema"
            " is missing, or a second worker has the same `RINGBACK_MEMBER`.",
            "Nothing on the phone. Every question is answered with 503.",
            (
                _STATUS,
                ("curl -s http://VIEWS:9400/readyz", "`held` says the same without a token"),
                (
                    "ringback lag --group 'ringback.views*' --once",
                    "who is in its group; two that fight for one name say `started anew` in their logs by turns",
                ),
            ),
            level(f"ringback_views_whole{{{_HERE}}}", 0, 1, {"instance": "views:9400"}),
        ),
        Alert(
            "ViewsSkip",
            'sum by (instance, topic) (increase(ringback_views_records_total{result="skipped"}[15m])) > 0',
            "1m",
            "ticket",
            "Records of {{ $labels.topic }} are missing in the read models of {{ $labels.instance }}",
            "They could not be read, so the figures lack them. A stage would have made dead letters of them;"
            " what lies in these topics was written by one, so somebody else wrote it, or a schema was"
            " changed in a way that is not compatible.",
            "Nothing on the phone. Counts, charges or a reminder's life are short of these records.",
            (
                _STATUS,
                (
                    "ringback cat TOPIC --partition N --from-beginning --json | jq 'select(.offset == OFFSET)'",
                    "the record, and what is wrong with it",
                ),
                (
                    "ringback run views --rebuild",
                    "once it can be read: with the next start all is folded anew",
                ),
            ),
            pace(
                f'ringback_views_records_total{{topic="billing.charges",result="skipped",{_HERE}}}',
                3,
                0,
                {"instance": "views:9400", "topic": "billing.charges"},
                {f'ringback_views_records_total{{topic="billing.charges",result="copy",{_HERE}}}': "0+9x70"},
            ),
        ),
    ),
)
