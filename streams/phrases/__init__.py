"""What a text means: `read` it, `resolve` it against a clock and a zone, `say_when` it is due."""

from streams.phrases.commands import Command
from streams.phrases.read import read
from streams.phrases.render import say_when
from streams.phrases.resolve import Resolution, resolve
from streams.phrases.when import When
from streams.phrases.zones import find_zone

__all__ = ["Command", "Resolution", "When", "find_zone", "read", "resolve", "say_when"]
