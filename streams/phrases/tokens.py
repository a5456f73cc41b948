"""A text cut into words, numbers and signs, with where each stood: the reader's only view of the text."""

from __future__ import annotations

import re

# Alternatives, in order: a.m./p.m. with dots; 2moro and friends (texters' "to"); w/e; digits; words with inner
# apostrophes; any other single sign. No alternative can fail after more than a few characters: linear time.
_TOKEN = re.compile(
    r"[aApP]\.\s?[mM](?:\.|\b)"
    r"|2(?:[mM](?!onth|o[^\W\d_]?\b|in)(?:[oO]|[rR]|[aA][rR]|[wW])[a-zA-Z]*|[nN](?:[iI]|[tT])[a-zA-Z]*|[dD][aA][yY]\b)"
    r"|[wW]/[eE]\b"
    r"|[0-9]+"
    r"|[^\W\d_]+(?:['’][^\W\d_]+)*"
    r"|\S"
)
_END = ("", "", "", "", "", "")  # matchers look a few tokens ahead; the end is empty words, not an exception


class Tokens:
    """Parallel lists over the tokens of `text`; `words` is lower case and padded with empty words at the end.

    `starts[i]`, `ends[i]` are character offsets; `glued(i)` tells that nothing stands between i-1 and i.
    """

    __slots__ = ("count", "ends", "starts", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        words: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for found in _TOKEN.finditer(text):
            words.append(found[0])
            start, end = found.span()
            starts.append(start)
            ends.append(end)
        self.count = len(words)
        words = [word.lower() for word in words]
        if "’" in text:
            words = [word.replace("’", "'") for word in words]
        words.extend(_END)
        self.words = words
        self.starts = starts
        self.ends = ends

    def glued(self, i: int) -> bool:
        return 0 < i < self.count and self.starts[i] == self.ends[i - 1]

    def integer(self, i: int, digits: int = 6) -> int | None:
        """The value of token i if it is a number of at most `digits` digits."""
        word = self.words[i]
        if word and "0" <= word[0] <= "9" and len(word) <= digits and word.isdigit():
            return int(word)
        return None

    def span(self, start: int, end: int) -> str:
        """The text of tokens start..end-1, verbatim."""
        return self.text[self.starts[start] : self.ends[end - 1]] if start < end else ""
