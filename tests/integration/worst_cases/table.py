"""The verdicts as a table for people: one row a case."""

from __future__ import annotations

from collections.abc import Iterable

from infra.oracle import Verdict

_HEAD = (
    "case", "SMS", "K", "calls", "most/K", "O heard", "most/O", "charges", "due", "unknown", "max s", "early",
    "lost", "verdict",
)  # fmt: skip


def table(verdicts: Iterable[Verdict]) -> list[str]:
    """Lines; what is wrong stands below the row that it belongs to."""
    verdicts = list(verdicts)
    rows = [_HEAD, *map(_row, verdicts)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = []
    for verdict, row in zip([None, *verdicts], rows, strict=True):
        first, *rest = (
            text.ljust(w) if i == 0 else text.rjust(w)
            for i, (text, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]))
        if verdict is not None:
            lines += [f"    {sentence}" for sentence in (*verdict.wrong, *verdict.missing)]
    return lines


def _row(v: Verdict) -> tuple[str, ...]:
    figures = (
        v.sms, v.keys, v.calls, v.most_calls, v.heard, v.most_heard, v.charges, v.charges_due, v.unknown,
    )  # fmt: skip
    return (
        v.case,
        *map(str, figures),
        f"{v.unknown_max_s:.1f}",
        str(v.early),
        str(v.lost),
        "holds" if v.holds else "BROKEN",
    )
