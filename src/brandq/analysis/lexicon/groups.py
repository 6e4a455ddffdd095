"""How the word lists are written: groups of words of one kind and one weight."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

#: how much a word of opinion weighs; a verdict wants about one that is more than faint
STRONG, CLEAR, MILD, FAINT = 2.0, 1.3, 0.8, 0.4


class Kind(StrEnum):
    """What a word does.

    OPINION praises (weight above 0) or blames (below); NEGATION turns the opinion that follows it closely; LACK
    blames by its weight, and takes the praise that follows it closely away; DEGREE
    multiplies the opinion that follows it at once; CONTRAST ends a clause; PLAIN does nothing: it is longer than a word
    of the other kinds that is written in it, and takes its place.
    """

    OPINION = "opinion"
    NEGATION = "negation"
    LACK = "lack"
    DEGREE = "degree"
    CONTRAST = "contrast"
    PLAIN = "plain"


class Group(NamedTuple):
    """``words`` are parted by white space; "_" stands for a space or a hyphen within one."""

    about: str
    kind: Kind
    weight: float
    words: str
