"""A move, and a state, in words."""

from __future__ import annotations

from typing import Any

from streams.once.effects import Place
from streams.runtime.freshness import Look
from streams.runtime.processor import Opened, Record, Result, Wake
from tests.search.frozen import NOW, Frozen, thaw
from tests.search.model import Model
from tests.search.world import Found, World


def tell(model: Model, what: tuple[Any, ...]) -> str:
    return " ".join(_thing(model.things.of[each]) if isinstance(each, int) else str(each) for each in what)


def in_words(found: Found) -> str:
    """The shortest way to a violation, step by step."""
    *steps, broken = found.words
    return "\n".join(
        [*(f"{number:3}. {step}" for number, step in enumerate(steps, start=1)), f"  => {broken}"]
    )


def _thing(thing: Any) -> str:
    match thing:
        case Opened():
            return "the partition"
        case Record():
            value = thaw(thing.value)
            sid = f" of {value['call_sid']}" if value.get("call_sid") else ""
            kind = value.get("state") or value.get("type") or "due"
            return f"{thing.topic}: {kind}{sid}" + (
                f", try {value['attempt']}.{value['try']}" if "try" in value else ""
            )
        case Wake():
            return f"the timer of {thing.key.rpartition('+')[2]}"
        case Result():
            return f"the answer to {_thing(thing.effect)}: {_short(thing.answer)}"
        case Look():
            about = type(thing.about).__name__
            return f"Look({about})"
        case Place():
            return (
                f"Place({thing.key.partition('|')[2]}, epoch {getattr(thing.request, 'status_callback', '')})"
            )
    epoch = f", epoch {thing.epoch}" if hasattr(thing, "epoch") else ""
    return f"{type(thing).__name__}({getattr(thing, 'sid', '')}{epoch})"


def _short(answer: Any) -> str:
    if isinstance(answer, Frozen):
        return (
            str({k: f"gated={v.gated} epoch={v.epoch}" for k, v in answer.items})
            if answer.items
            else "nothing there"
        )
    if isinstance(answer, int):
        return f"{(answer - NOW) / 1000:+} s" if answer > 1_000_000 else str(answer)
    return repr(answer)


def picture(model: Model, world: World) -> list[str]:
    """The whole of a state, for replaying a trace."""
    lines = [
        f"state    {key} {dict(value[1].items)}" for key, value in model.stage.values.of[world.values].items
    ]
    for queue in ("due", "calls", "facts"):
        lines += [f"unread   {_thing(model.things.of[n])}" for n in getattr(world, queue)]
    for number in (world.owner, *world.former):
        owner = model.owners.of[number]
        lines.append(
            f"{owner.kind:8} opened={owner.opened} memory={thaw(model.stage.memories.of[owner.memory])}"
        )
        lines += [f"  out    {_thing(model.things.of[p.effect])} {p[1:]}" for p in owner.pending]
        lines += [f"  home   {_thing(model.things.of[n])}" for n in owner.inbox]
    server = model.gates.thaw(world.server)
    lines.append(
        f"gate     life {server.life} {list(server.gates.values())} {server.scopes} words {server.answers}"
    )
    lines += [f"carrier  {model.lines.of[n]}" for n in world.lines]
    lines += [f"late     {request}" for request in world.late] + [
        f"landing  {each}" for each in world.landing
    ]
    written = model.writtens.of[world.written]
    return [
        *lines,
        f"log      {sorted(written.said, key=repr)} present {written.present} end {written.end!r}",
    ]
