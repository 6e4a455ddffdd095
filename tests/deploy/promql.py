"""What an expression of Prometheus asks for: the metrics it names, the labels it selects by, the labels it groups by."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_RANGE = re.compile(r"\[[^\]]*\]")
_OFFSET = re.compile(r"\boffset\s+-?[0-9a-z$_]+")
_LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_BARE_MODIFIER = re.compile(r"\b(?:group_left|group_right)\b")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}")
_VALUED = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{((?:[^{}\"]|\"[^\"]*\")*)\}")
_MATCHER = re.compile(r"(\w+)\s*(=~|!~|!=|=)\s*\"([^\"]*)\"")
_NAME = re.compile(r"(?<![\w.:])([a-zA-Z_:][a-zA-Z0-9_:]*)(?![\w:]|\s*\()")
_WORDS = frozenset({"and", "or", "unless", "bool", "inf", "nan"})
#: what label_replace writes to: its second argument
_REPLACED = re.compile(r',\s*"(\w+)",\s*"[^"]*",\s*"\w*",\s*"[^"]*"\s*\)')


@dataclass
class Asked:
    """What one expression names."""

    #: metric -> the labels that its selectors hold
    metrics: dict[str, set[str]] = field(default_factory=dict)
    #: labels that it groups or joins by
    grouped: set[str] = field(default_factory=set)
    #: labels that it makes
    made: set[str] = field(default_factory=set)


def read(expression: str) -> Asked:
    """The names in an expression that promtool takes for correct; this is no parser and finds no faults."""
    asked = Asked(made=set(_REPLACED.findall(expression)))
    text = _RANGE.sub(" ", _STRING.sub('""', re.sub(r"#.*", "", expression)))
    text = _OFFSET.sub(" ", text)
    for labels in _LABEL_LIST.findall(text):
        asked.grouped |= {label.strip() for label in labels.split(",")} - {""}
    text = _BARE_MODIFIER.sub(" ", _LABEL_LIST.sub(" ", text))
    for name, matchers in _SELECTOR.findall(text):
        selected = {re.split(r"=~|!~|!=|=", matcher)[0].strip() for matcher in matchers.split(",")} - {""}
        asked.metrics.setdefault(name, set()).update(selected)
    for name in _NAME.findall(_SELECTOR.sub(" ", text)):
        if name.lower() not in _WORDS:
            asked.metrics.setdefault(name, set())
    return asked


def selected(expression: str) -> list[tuple[str, str, str]]:
    """Each value that a selector compares a label with: metric, label, and one alternative of the value."""
    return [
        (metric, label, alternative)
        for metric, matchers in _VALUED.findall(expression)
        for label, sign, value in _MATCHER.findall(matchers)
        for alternative in (value.split("|") if "~" in sign else [re.escape(value)])
    ]
