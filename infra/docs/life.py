"""The page "life of one reminder": the path from an SMS to its charge over the map, and what each step promises.

python -m infra.docs.life           write the page, and its part of README.md
python -m infra.docs.life --check   exit 1 if either is not what the code says

The path is derived: it begins where users' SMS come in and follows what each stage writes to who reads it, so a stage
or topic that is added to streams/topology.py stands here with the next run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.generated import ROOT, Files
from infra.generated import main as write_or_check
from streams.promises import LOOP, PROMISES, Kept, Promise, kept_at
from streams.topology import DAY_MS, DOORS, SMS_INBOUND, STAGES, Door, Stage, Topic

PAGE, README = "life-of-one-reminder.md", "README.md"
BEGIN, END = "<!-- life: made by infra/docs/life.py -->", "<!-- life: end -->"
MADE = "<!-- Made by `make docs` from streams/topology.py and streams/promises.py. Change those. -->"


def path() -> list[Stage]:
    """The stages that an SMS comes by, in the order in which they are reached."""
    reached, topics = list[Stage](), [SMS_INBOUND]
    for topic in topics:  # grows while it is walked
        for stage in STAGES.values():
            if topic in stage.reads and stage not in reached:
                reached.append(stage)
                topics += [written for written in stage.writes if written not in topics]
    return reached


def on_the_path() -> list[Topic]:
    """The topics between them, in that order."""
    passed = [topic for stage in path() for topic in (*stage.reads, *stage.writes)]
    return list(dict.fromkeys(passed))


def page() -> str:
    """The whole page."""
    parts = [
        MADE,
        "# Life of one reminder",
        "*“Remind me to buy milk at 6:30 PM”*, from the SMS to its charge: which topics it passes, who moves it on,\n"
        "and what is promised at each step. Every promise names the file that keeps it, and a test that would show it\n"
        "broken.",
        diagram(),
        "Boxes are processes, rounded ones are topics of Kafka. A stage reads, decides and writes in one transaction;\n"
        "what it wants done outside Kafka (call this number) is done after that transaction has committed.",
        "## Step by step",
        *(_step(number, place) for number, place in enumerate(_places(), start=1)),
        "### In every stage: the loop\nThe [transactional loop](streams/runtime/README.md) that runs all of them.\n\n"
        + _kept_table(kept_at(LOOP)),
        "## The topics on the way",
        _topic_table(),
        _not_yet(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary() -> str:
    """What stands of it in the README: a line a step."""
    head = ["| step | who | writes | what is kept there, and how |", "|---|---|---|---|"]
    for number, place in enumerate(_places(), start=1):
        writes = ", ".join(f"`{topic.name}`" for topic in place.writes)
        head.append(f"| {number} | **{place.name}**: {place.meaning} | {writes} | {_hows(place.name)} |")
    return "\n".join([*head, f"| every | **{LOOP}**: runs each stage | | {_hows(LOOP)} |"])


def _hows(place: str) -> str:
    return "<br>".join(f"{promise.id}: {kept.how}" for promise, kept in kept_at(place))


def diagram() -> str:
    """The path as Mermaid, which GitHub draws."""
    lines = [
        "```mermaid",
        "flowchart TD",
        '    user(["the user"]) <-->|texts, is called| carrier[/"the carrier"/]',
    ]
    for topic in on_the_path():
        lines.append(f'    {_node(topic)}("{topic.name}")')
    for door in DOORS.values():
        lines.append(f'    {door.name}["{door.name}"]')
        lines.append(f"    carrier -.->|{_by(door)}| {door.name}")
        lines += [f"    {door.name} --> {_node(topic)}" for topic in door.writes]
    for stage in path():
        lines.append(f'    {stage.name}["<b>{stage.name}</b><br/>{stage.meaning}"]')
        # A stage that reads its own evidence back has one arrow with two heads.
        both = [topic for topic in stage.reads if topic in stage.writes]
        lines += [f"    {_node(topic)} --> {stage.name}" for topic in stage.reads if topic not in both]
        lines += [f"    {stage.name} <--> {_node(topic)}" for topic in both]
        lines += [f"    {stage.name} --> {_node(topic)}" for topic in stage.writes if topic not in both]
    for name, what in (("calls", "one call"), ("replies", "one SMS")):
        lines.append(f"    {name} ==>|{what}| carrier")
    return "\n".join([*lines, "```"])


def _by(door: Door) -> str:
    return "webhook" if door.name == "gateway" else "list"


def _node(topic: Topic) -> str:
    return "t_" + re.sub(r"\W", "_", topic.name)


def _places() -> list[Door | Stage]:
    return [*DOORS.values(), *path()]


def _step(number: int, place: Door | Stage) -> str:
    lines = [f"### {number}. {place.name}: {place.meaning}"]
    writes = ", ".join(f"`{topic.name}`" for topic in place.writes)
    if isinstance(place, Stage):
        reads = ", ".join(f"`{topic.name}`" for topic in place.reads)
        kept = f"; keeps its state in `{place.changelog.name}`" if place.changelog else "; keeps no state"
        lines.append(f"Reads {reads}; writes {writes}{kept}.")
    else:
        lines.append(f"Writes {writes}.")
    return "\n".join([*lines, "", _kept_table(kept_at(place.name))])


def _kept_table(rows: Sequence[tuple[Promise, Kept]]) -> str:
    head = ["| promise | how it is kept here | by | shown by |", "|---|---|---|---|"]
    for promise, kept in rows:
        file, _, test = kept.test.partition("::")
        by = f"[{Path(kept.code).name}]({kept.code})"
        head.append(f"| **{promise.id}** {promise.says} | {kept.how} | {by} | [{_words(test)}]({file}) |")
    return "\n".join(head)


def _words(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def _topic_table() -> str:
    lines = ["| topic | holds | key | kept for | written by | read by |", "|---|---|---|---|---|---|"]
    for topic in on_the_path():
        writers = [place.name for place in _places() if topic in place.writes]
        readers = [stage.name for stage in path() if topic in stage.reads]
        cells = (
            f"`{topic.name}`",
            topic.meaning,
            topic.key,
            _kept_for(topic),
            ", ".join(writers),
            ", ".join(readers),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _kept_for(topic: Topic) -> str:
    if topic.retention_ms is None:
        return "the latest of each key"
    days = topic.retention_ms // DAY_MS
    return f"{days // 365} y" if days >= 365 else f"{days} d"


def _not_yet() -> str:
    open_ = [f"**{promise.id}** {promise.says}" for promise in PROMISES if not promise.kept]
    return f"Promised, and not kept by any step yet: {'; '.join(open_)}." if open_ else ""


def readme(text: str) -> str:
    """The README with its generated part as it should be. Raises ValueError when its marks are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README} has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{summary()}\n{END}{after}"


def files(root: Path = ROOT) -> Files:
    """Path from the root of the repository -> content. Raises ValueError as `readme` does."""
    return {PAGE: page(), README: readme((root / README).read_text("utf-8"))}


def main(argv: list[str] | None = None) -> int:
    return write_or_check("infra.docs.life", __doc__, files, argv)


if __name__ == "__main__":
    sys.exit(main())
