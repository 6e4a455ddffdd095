"""Event streams: the one reply that their pieces make. brandq asks for none, and some gateways send nothing else.

Every dialect has pieces of its own form, so the form tells whose they are. The reply that comes out is the one that
would have come without streaming, and a stream that has no end is none: its answer is not all there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

Json = Mapping[str, Any]
#: reads one piece; ValueError where it is no JSON
Parse = Callable[[str], Any]

#: how a body begins that is an event stream
BEGINNINGS = ("data:", "event:", "id:", "retry:")
#: the last piece of many streams, and no JSON
_DONE = "[DONE]"
_LINE = re.compile(r"\r\n|\n|\r")
#: pieces of the one dialect that says of each what it is, and sends the whole at the end
_WHOLE = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


def pieces_of(text: str, parse: Parse) -> tuple[list[Any], bool]:
    """The pieces of an event stream in order, and whether it says that it has ended. ValueError for broken ones."""
    pieces: list[Any] = []
    ended = False
    data: list[str] = []
    for line in (*_LINE.split(text), ""):
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif not line and data:
            whole, data = "\n".join(data).strip(), []
            if whole == _DONE:
                ended = True
            elif whole:
                pieces.append(parse(whole))
    return pieces, ended


def lines_of(text: str, parse: Parse) -> list[Any]:
    """The pieces of a stream with one JSON on each line. ValueError where it is none."""
    return [parse(line) for line in text.splitlines() if line.strip()]


def joined(pieces: Sequence[Any], *, ended: bool = False) -> dict[str, Any] | None:
    """The reply that the pieces make; None where they make none, or its end is missing.

    ``ended``: the stream said itself that it is over. Of an error in it the rest is nothing.
    """
    try:
        return _joined(pieces, ended=ended)
    except RecursionError:  # things inside of things without end
        return None


def _joined(pieces: Sequence[Any], *, ended: bool) -> dict[str, Any] | None:
    found = [piece for piece in pieces if isinstance(piece, dict)]
    if not found or len(found) < len(pieces):
        return None
    for piece in found:
        if piece.get("error"):
            return dict(piece)
        if _kind(piece) == "error":
            return {"error": {**piece, "type": piece.get("code")}}
    last = found[-1]
    if last.get("code") and not {"choices", "output"} & set(last):
        return dict(last)  # trouble, in the form that one provider has for it
    if any(_kind(piece).startswith("response.") for piece in found):
        return _of_responses(found)
    if any(_kind(piece) == "message_start" for piece in found):
        return _of_anthropic(found)
    if any("candidates" in piece or "promptFeedback" in piece for piece in found):
        return _of_gemini(found)
    if any(isinstance(piece.get("output"), dict) for piece in found):
        return _of_dashscope(found)
    if any("choices" in piece for piece in found):
        return _of_chat(found, ended=ended)
    return dict(last) if len(found) == 1 else None  # a whole reply as the only event


def _kind(piece: Json) -> str:
    """What a piece says that it is; nothing where it does not."""
    kind = piece.get("type")
    return kind if isinstance(kind, str) else ""


def _dicts(found: object) -> list[Json]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _first(found: object) -> Json:
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}


class _Growing(list[Any]):
    """A list that goes on, whether a piece repeats what came before it or not; in linear time.

    What one piece holds twice stays twice: others may point at its items by number.
    """

    def __init__(self) -> None:
        super().__init__()
        self._taken: set[str] = set()

    def take(self, items: Iterable[Any]) -> None:
        spelled = [(json.dumps(item, sort_keys=True, default=str), item) for item in items]
        self += [item for one, item in spelled if one not in self._taken]
        self._taken.update(one for one, _ in spelled)


def _filled_in(whole: dict[str, Any], piece: Json, *, but: Iterable[str] = ()) -> None:
    """The fields of the piece go over those before it, and its lists go on."""
    for name, value in piece.items():
        if name in but or value is None:
            continue
        known = whole.get(name)
        if isinstance(value, dict):
            whole[name] = dict(known) if isinstance(known, dict) else {}
            _filled_in(whole[name], value)
        elif isinstance(value, list):
            whole[name] = known if isinstance(known, _Growing) else _Growing()
            whole[name].take(value)
        else:
            whole[name] = value


# -- one form each


def _of_responses(pieces: Sequence[Json]) -> dict[str, Any] | None:
    """The last piece holds the whole reply, but for gateways that leave out there what they sent before."""
    ends = [piece.get("response") for piece in pieces if _kind(piece) in _WHOLE]
    if not ends or not isinstance(ends[-1], dict):
        return None
    whole = dict(ends[-1])
    if not whole.get("output"):
        done = [piece.get("item") for piece in pieces if _kind(piece) == "response.output_item.done"]
        whole["output"] = [item for item in done if isinstance(item, dict)]
    return whole


def _of_anthropic(pieces: Sequence[Json]) -> dict[str, Any] | None:
    whole: dict[str, Any] = {}
    blocks: dict[str, dict[str, Any]] = {}
    arguments: dict[str, str] = {}
    for piece in pieces:
        number = str(piece.get("index"))
        inside = {name: piece.get(name) for name in ("message", "content_block", "delta")}
        message, block, delta = (found if isinstance(found, dict) else {} for found in inside.values())
        kind = _kind(piece)
        if kind == "message_start":
            whole.update(message)
        elif kind == "content_block_start":
            blocks[number] = dict(block)
        elif kind == "content_block_delta":
            _grow(blocks.setdefault(number, {"type": "text"}), delta)
            if isinstance(delta.get("partial_json"), str):
                arguments[number] = arguments.get(number, "") + delta["partial_json"]
        elif kind == "message_delta":
            whole.update(delta)
            _filled_in(whole, {"usage": piece.get("usage")})
        elif kind == "message_stop":
            for number, said in arguments.items():
                if said:
                    blocks[number]["input"] = _or_nothing(said)
            return {**whole, "content": list(blocks.values())}
    return None


def _grow(block: dict[str, Any], delta: Json) -> None:
    for name in ("text", "thinking", "signature"):
        if isinstance(delta.get(name), str):
            known = block.get(name)
            block[name] = (known if isinstance(known, str) else "") + delta[name]
    if isinstance(delta.get("citation"), dict):
        known = block.get("citations")
        block["citations"] = [*(known if isinstance(known, list) else []), delta["citation"]]


def _or_nothing(said: str) -> Any:
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return {}


def _of_gemini(pieces: Sequence[Json]) -> dict[str, Any] | None:
    """Texts of one kind that follow each other become one part: the offsets of what they rest on count through them."""
    whole: dict[str, Any] = {}
    candidate: dict[str, Any] = {}
    parts: list[dict[str, Any]] = []
    for piece in pieces:
        _filled_in(whole, piece, but=("candidates",))
        one = _first(piece.get("candidates"))
        _filled_in(candidate, one, but=("content",))
        content = one.get("content")
        for part in _dicts(content.get("parts")) if isinstance(content, dict) else []:
            before = parts[-1] if parts else {}
            texts = before.get("text"), part.get("text")
            if all(isinstance(text, str) for text in texts) and before.get("thought") == part.get("thought"):
                parts[-1] = {**before, **part, "text": f"{texts[0]}{texts[1]}"}
            else:
                parts.append(dict(part))
    feedback = whole.get("promptFeedback")
    if not candidate.get("finishReason") and not (isinstance(feedback, dict) and feedback.get("blockReason")):
        return None
    if candidate:
        whole["candidates"] = [{**candidate, "content": {"role": "model", "parts": parts}}]
    return whole


def _of_dashscope(pieces: Sequence[Json]) -> dict[str, Any] | None:
    """A piece holds what is new or all so far, as the request had it; which, the texts tell."""
    whole: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    texts: list[str] = []
    for piece in pieces:
        _filled_in(whole, piece, but=("output", "usage"))
        if isinstance(piece.get("usage"), dict):
            whole["usage"] = piece["usage"]
        output = piece.get("output")
        if not isinstance(output, dict):
            continue
        whole.setdefault("output", {})
        _filled_in(whole["output"], output, but=("choices", "text"))
        one = _first(output.get("choices")) or {"message": {"content": output.get("text")}, **output}
        message = one.get("message")
        texts.append(_text(message.get("content") if isinstance(message, dict) else None))
        _filled_in(choice, {"finish_reason": one.get("finish_reason")})
    if choice.get("finish_reason") in (None, "", "null"):
        return None
    whole["output"]["choices"] = [{**choice, "message": {"role": "assistant", "content": _grown(texts)}}]
    return whole


def _grown(texts: Sequence[str]) -> str:
    so_far = all(later.startswith(earlier) for earlier, later in pairwise(texts))
    return texts[-1] if so_far and texts else "".join(texts)


def _text(content: object) -> str:
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def _of_chat(pieces: Sequence[Json], *, ended: bool) -> dict[str, Any] | None:
    whole: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    message: dict[str, Any] = {}
    said: dict[str, list[str]] = {"content": [], "refusal": []}
    tools: dict[str, dict[str, Any]] = {}
    for piece in pieces:
        _filled_in(whole, piece, but=("choices",))
        one = _first(piece.get("choices"))
        _filled_in(choice, one, but=("delta", "message", "index"))
        if isinstance(one.get("message"), dict):  # some send the whole message, too, beside what is new or at the end
            message.update(one["message"])
        delta = one.get("delta")
        if not isinstance(delta, dict):
            continue
        _filled_in(message, delta, but=(*said, "tool_calls"))
        for name, texts in said.items():
            texts.append(_spoken(delta.get(name)))
        for tool in _dicts(delta.get("tool_calls")):
            _called(tools.setdefault(str(tool.get("index", tool.get("id"))), {}), tool)
    if not ended and not choice.get("finish_reason"):
        return None
    message.update({name: "".join(texts) for name, texts in said.items() if any(texts)})
    if tools:
        message["tool_calls"] = list(tools.values())
    usage = choice.pop("usage", None)  # where one provider puts it when it streams
    if usage is not None:
        whole.setdefault("usage", usage)
    said_all = {"role": "assistant", **message}  # as it is sent back, where rounds follow
    return {**whole, "choices": [{**choice, "message": said_all}] if choice or message else []}


def _spoken(content: object) -> str:
    """What is new of the text; reasoning that comes as a part of it is none."""
    parts = content if isinstance(content, list) else [content]
    return _text([part for part in parts if not isinstance(part, dict) or part.get("type") in ("text", None)])


def _called(tool: dict[str, Any], piece: Json) -> None:
    before, new = tool.get("function"), piece.get("function")
    _filled_in(tool, piece, but=("function", "index"))
    if isinstance(new, dict):
        known: Json = before if isinstance(before, dict) else {}
        begun, further = known.get("arguments"), new.get("arguments")
        tool["function"] = {**known, **{name: value for name, value in new.items() if value}}
        if isinstance(begun, str) and isinstance(further, str):
            tool["function"]["arguments"] = begun + further
