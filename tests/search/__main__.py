"""The long form, and replay.

python -m tests.search                      every search and every planted bug, as tables
python -m tests.search --short              the searches of `make test`
python -m tests.search --trace NAME         the shortest way to a planted bug, in words
python -m tests.search --trace NAME --at 7  and the whole state after its step 7
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import pytest

from tests.search.explore import Explored, Search
from tests.search.plants import PLANTS, Plant, search_with
from tests.search.searches import LONG, SHORT
from tests.search.telling import in_words


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.search", description="Search every state of the protocol."
    )
    parser.add_argument("--short", action="store_true", help="the searches of `make test` only")
    parser.add_argument("--trace", metavar="NAME", help="a planted bug, by a part of its name")
    parser.add_argument(
        "--at", metavar="STEP", type=int, help="print the whole state after this step of the trace"
    )
    asked = parser.parse_args()
    if asked.trace is not None:
        return _trace(asked.trace, asked.at)
    return max(_searches(asked.short), _plants())


def _searches(short: bool) -> int:
    wrong = 0
    print(
        "| search | states | transitions | depth | s | most calls | most heard | |\n|---|---|---|---|---|---|---|---|"
    )
    for bounds in SHORT if short else (*SHORT, *LONG):
        explored = Search(bounds).run()
        _row(explored)
        if explored.found is not None:
            wrong = 1
            print(in_words(explored.found))
        elif not explored.whole:
            wrong = 1
    print("\nBounds:")
    for bounds in SHORT if short else (*SHORT, *LONG):
        print(f"- {bounds.name}: {bounds}")
    return wrong


def _row(e: Explored) -> None:
    verdict = "clean" if e.found is None else f"BROKEN {e.found.invariant}"
    verdict = verdict if e.whole or e.found else f"stopped at {e.bounds.max_states:,} states"
    print(
        f"| {e.bounds.name} | {e.states:,} | {e.transitions:,} | {e.depth} | {e.seconds:.1f} | {e.most_calls} | "
        f"{e.most_heard} | {verdict} |",
        flush=True,
    )


def _plants() -> int:
    wrong = 0
    print("\n| planted bug | in the table | found as | steps | states | s |\n|---|---|---|---|---|---|")
    for plant in PLANTS:
        explored = search_with(plant)
        found = explored.found
        if found is None or found.invariant != plant.found_as:
            wrong = 1
        verdict, steps = (found.invariant, str(len(found.words) - 1)) if found else ("NOT FOUND", "")
        table = "yes" if plant.table else ""
        print(
            f"| {plant.name} | {table} | {verdict} | {steps} | {explored.states:,} | {explored.seconds:.1f} |",
            flush=True,
        )
    return wrong


def _trace(name: str, at: int | None) -> int:
    plants = [plant for plant in PLANTS if name.lower() in plant.name.lower()]
    if len(plants) != 1:
        print(f"{len(plants)} planted bugs have {name!r} in their names; there are:", file=sys.stderr)
        print("\n".join(f"  {plant.name}" for plant in PLANTS), file=sys.stderr)
        return 2
    return _replay(plants[0], at)


def _replay(plant: Plant, at: int | None) -> int:
    with pytest.MonkeyPatch.context() as patch:
        plant.plant(patch)
        search = Search(replace(plant.bounds))
        found = search.run().found
        if found is None:
            print("not found")
            return 1
        print(f"{plant.name}\n{in_words(found)}")
        if at is not None:
            print("\n".join(search.picture(found, at)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
