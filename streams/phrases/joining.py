"""Whether two expressions of time speak of one moment, and what they then say together."""

from __future__ import annotations

from streams.phrases.clocks import Fields

DAY_KEYS = frozenset(("in_days", "in_months", "year", "month", "day", "weekday"))


def combined(a: Fields, b: Fields) -> Fields | None:
    """Both expressions as one moment; None where they contradict each other."""
    for key in ("hour", "day_part", "zone", "rule"):
        if key in a and key in b and (key != "day_part" or a[key] != b[key]):
            return None
    joined = {**a, **b}
    timed = "in_seconds" in a or "in_seconds" in b
    days_a, days_b = DAY_KEYS.intersection(a), DAY_KEYS.intersection(b)
    if timed:
        if "rule" in joined and "in_seconds" in joined:
            if days_a or days_b or "hour" in joined or "day_part" in joined:
                del joined["in_seconds"]
        else:
            return None
    if days_a and days_b and not _joined_days(a, b, days_a, days_b, joined):
        return None
    return joined


def _joined_days(
    a: Fields, b: Fields, days_a: frozenset[str], days_b: frozenset[str], joined: Fields
) -> bool:
    """Settles a day that was said twice, in `joined`; False if the two differ."""
    if "weekday" in a and "weekday" in b:
        return bool(a["weekday"] == b["weekday"])
    if "weekday" in joined:
        other, named = (b, a) if "weekday" in a else (a, b)
        if (
            "in_days" in other
            and other["in_days"] % 7 == 0
            and other["in_days"] > 0
            and "in_days" not in named
        ):
            joined["weeks_ahead"] = other["in_days"] // 7  # "next week on friday"
            del joined["in_days"]
            joined.pop("keep_time", None)
            return True
        if "in_days" in named or "weeks_ahead" in named:
            return "day" in other
        del joined[
            "weekday"
        ]  # "friday nov 27", "tomorrow (tuesday)": the date is exact, the weekday a comment
        joined.pop("weeks_ahead", None)
        return True
    if days_a == {"in_days"} and days_b == {"in_days"}:
        return bool(a["in_days"] == b["in_days"])
    if days_a | days_b == {"in_months", "day"} and days_a.isdisjoint(days_b):
        joined.pop("keep_time", None)
        return True
    return days_a.isdisjoint(days_b) and days_a | days_b <= {"year", "month", "day"}
