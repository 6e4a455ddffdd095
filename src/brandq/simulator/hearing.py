"""What several endpoints check in a request: model, messages, the key's place, and fields of other dialects.

A field by which another dialect asks for search is refused even where the provider would overlook it: answered as if it
were not there, a request of ours that asks for search in the wrong words would look like one that asks for none.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from starlette.requests import Request

from brandq.simulator.speaking import Json, Wrong, WrongKey

#: the fields in which some dialect puts its prompt or asks for search
_FOREIGN = (
    "contents",
    "enable_enhancement",
    "enable_search",
    "input",
    "messages",
    "parameters",
    "plugins",
    "search_options",
    "search_parameters",
    "tools",
    "web_search",
    "web_search_options",
)
_OTHER_KEYS = ("api-key", "x-api-key", "x-goog-api-key")
ROLES = ("system", "user", "assistant", "tool")


def bearer(request: Request) -> None:
    """A key, where one is sent, stands in the authorization header as ``Bearer KEY``."""
    said = request.headers.get("authorization")
    if said is None and any(name in request.headers for name in _OTHER_KEYS):
        raise WrongKey("no authorization header")
    if said is not None and not re.fullmatch(r"Bearer \S+", said):
        raise WrongKey("the authorization header is not Bearer KEY")


def own_fields(body: Json, *own: str) -> None:
    """No field of another dialect, and no wish for a stream, which is not simulated."""
    for name in _FOREIGN:
        if name in body and name not in own:
            raise Wrong(f"{name} is no field of this dialect", param=name)
    if body.get("stream"):
        raise Wrong("streams are not simulated", param="stream")


def model_in(body: Json, code: str | None = None) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Wrong("model is required", code, "model")
    return model


def messages_in(
    messages: object, code: str | None = None, *, last: Collection[str] = ("user",), where: str = "messages"
) -> list[Json]:
    """The messages: not empty, each with a role and a content, the last one by one of ``last``."""
    if not isinstance(messages, list) or not messages:
        raise Wrong(f"{where} is required and not empty", code, where)
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise Wrong(f"{where}: each has a role, one of {', '.join(ROLES)}", code, where)
        # an assistant's message that only calls tools has no content
        if not message.get("tool_calls") and not text_in(message.get("content")):
            raise Wrong(f"{where}: content is a text or a list of texts, and not empty", code, where)
    if messages[-1]["role"] not in last:
        raise Wrong(f"{where}: the last one must be by {' or '.join(last)}", code, where)
    return messages


def prompt_in(messages: list[Json], code: str | None = None) -> str:
    """The text of the last message by the user."""
    for message in reversed(messages):
        if message["role"] == "user":
            return text_in(message["content"])
    raise Wrong("there is no message by the user", code, "messages")


def text_in(content: object) -> str:
    """The text of a message, whole or in parts; empty where some part is none."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "".join(texts) if len(texts) == len(parts) else ""


def tools_in(body: Json, known: Collection[str], code: str | None = None) -> list[dict[str, Any]]:
    """The tools, each of a type that is known here."""
    tools = body.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise Wrong("tools is a list of objects", code, "tools")
    for tool in tools:
        if tool.get("type") not in known:
            raise Wrong(f"tools: type {tool.get('type')!r} is none of {', '.join(known)}", code, "tools")
    return tools


def one_of(found: object, known: Collection[object], name: str, code: str | None = None) -> None:
    """A field that may be left out, and otherwise is one of the known."""
    if found is not None and found not in known:
        raise Wrong(f"{name} {found!r} is none of {', '.join(map(str, known))}", code, name)


def whole(found: object, least: int, most: int, name: str, code: str | None = None) -> None:
    """A field that may be left out, and otherwise is a whole number within its bounds."""
    good = isinstance(found, int) and not isinstance(found, bool) and least <= found <= most
    if found is not None and not good:
        raise Wrong(f"{name} is a whole number from {least} to {most}", code, name)


def flag(found: object, name: str, code: str | None = None) -> bool:
    """A field that may be left out, and otherwise is true or false."""
    if found is not None and not isinstance(found, bool):
        raise Wrong(f"{name} is true or false", code, name)
    return found is True
