"""Kimi's chat completions. Its search is a tool that the caller sends back unchanged, round by round, until it answers.

A model whose name holds ``sim-rounds-N`` asks N times, any other once. What was found stands in the tool's arguments
and, unless the model's name holds ``sim-no-sources``, beside the choices of the answer. The simulator never reasons, so
a model that does (kimi-…) goes through its rounds only with ``thinking`` disabled, as at Kimi.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request

from brandq.simulator.assistants import Page, marked, pages, seed
from brandq.simulator.hearing import bearer, messages_in, model_in, one_of, own_fields, prompt_in, tools_in
from brandq.simulator.speaking import Asked, Heard, Json, Said, Speaker, Trouble, Wrong, tokens

_SEARCH = "$web_search"
_ENDS = {"stop": "stop", "length": "length", "filter": "content_filter"}


def _hear(body: Json, request: Request) -> Heard:
    bearer(request)
    own_fields(body, "messages", "tools")
    model = model_in(body)
    messages = messages_in(body.get("messages"), last=("user", "tool"))
    one_of(body.get("tool_choice"), ("auto", "none"), "tool_choice")
    thinking = body.get("thinking", {})
    if not isinstance(thinking, dict):
        raise Wrong("thinking is an object")
    one_of(thinking.get("type"), ("enabled", "disabled"), "thinking.type")
    reasons = model.startswith("kimi-")  # every one of these, unless told not to
    if reasons:
        one_of(body.get("temperature"), (1,), "temperature")
    prompt = prompt_in(messages)
    _check_rounds(model, prompt, _after_prompt(messages), thinks=reasons and thinking.get("type") != "disabled")
    return Heard(model, prompt, _searches(body))


def _searches(body: Json) -> bool:
    search = False
    for tool in tools_in(body, ("function", "builtin_function")):
        function = tool.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str):
            raise Wrong("tools: each holds a function with a name")
        # a name with a $ is Kimi's own to give, and this is the only one
        if len({tool["type"] == "builtin_function", name.startswith("$"), name == _SEARCH}) > 1:
            raise Wrong(f"tools: there is no {tool['type']} {name}")
        search = search or name == _SEARCH
    return search


def _after_prompt(messages: list[Json]) -> list[Json]:
    last = max(place for place, message in enumerate(messages) if message["role"] == "user")
    return messages[last + 1 :]


def _check_rounds(model: str, prompt: str, messages: list[Json], *, thinks: bool) -> None:
    """Each round: the assistant's message with the call that was made, then the tool's with the same arguments."""
    for place, message in enumerate(messages):
        if message["role"] not in ("assistant", "tool") or (message["role"] == "assistant") != (place % 2 == 0):
            raise Wrong("messages: a tool's message follows the assistant's that called it")
        if message["role"] == "assistant":
            if thinks and not message.get("reasoning_content"):
                raise Wrong("thinking is enabled but reasoning_content is missing in the assistant's tool call message")
            continue
        due = _call(model, prompt, place // 2 + 1)
        calls = messages[place - 1].get("tool_calls")
        if not isinstance(calls, list) or len(calls) != 1 or not _is_same_call(calls[0], due):
            raise Wrong("messages: the assistant's tool_calls are not those that were made")
        if message.get("tool_call_id") != due["id"]:
            raise Wrong("messages: tool_call_id is not found")
        if not _is_same(message.get("content"), due["function"]["arguments"]):
            raise Wrong(f"messages: {_SEARCH} wants its own arguments back, unchanged")


def _is_same_call(found: object, due: Json) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("function"), dict):
        return False
    function = found["function"]
    named = (found.get("id"), found.get("type"), function.get("name")) == (due["id"], due["type"], _SEARCH)
    return named and _is_same(function.get("arguments"), due["function"]["arguments"])


def _is_same(found: object, due: str) -> bool:
    """Whether both are one JSON; its spaces and escapes may differ."""
    try:
        return isinstance(found, str) and json.loads(found) == json.loads(due)
    except ValueError:
        return False


def _call(model: str, prompt: str, number: int) -> dict[str, Any]:
    """The tool call of a round, numbered from 1; the rounds share out what there is to find."""
    rounds = _rounds(model)
    found = [page for page in pages(prompt) if (page.number - 1) % rounds == number - 1]
    arguments = {"query": prompt, "search_results": _listed(found), "usage": {"total_tokens": 100 * len(found)}}
    return {
        "index": 0,
        "id": f"{_SEARCH}:{number - 1}-{seed(model, prompt, number):016x}",
        "type": "builtin_function",
        "function": {"name": _SEARCH, "arguments": json.dumps(arguments, ensure_ascii=False)},
    }


def _rounds(model: str) -> int:
    said = re.search(r"sim-rounds-(\d{1,2})(?!\d)", model)
    return max(1, int(said[1])) if said else 1


def _listed(found: list[Page] | tuple[Page, ...]) -> list[Json]:
    return [{"index": page.number, "title": page.title, "url": page.url} for page in found]


def _step(asked: Asked) -> Json | None:
    done = len(_after_prompt(asked.body["messages"])) // 2
    if not asked.search or done >= _rounds(asked.model):
        return None
    message = {"role": "assistant", "content": "", "tool_calls": [_call(asked.model, asked.prompt, done + 1)]}
    return _reply(asked, message, "tool_calls", "")


def _say(asked: Asked, said: Said) -> Json:
    text = marked(said.text, said.found, lambda number: f"[{number}]")
    reply = _reply(asked, {"role": "assistant", "content": text}, _ENDS[said.end], text)
    if said.found and "sim-no-sources" not in asked.model:
        reply["search_results"] = _listed(said.found)
    return reply


def _reply(asked: Asked, message: Json, finish: str, text: str) -> dict[str, Any]:
    tokens_in, tokens_out = tokens(asked, text)
    return {
        "id": asked.id,
        "object": "chat.completion",
        "created": 0,
        "model": f"{asked.model}-simulated",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "cached_tokens": 0,
        },
    }


def _error(trouble: Trouble) -> Json:
    return {"error": {"message": trouble.message, "type": trouble.kind or "invalid_request_error"}}


_NO_MONEY = Trouble(429, "the account is suspended, check your plan", kind="exceeded_current_quota_error")

KIMI = Speaker(
    paths=("/kimi/chat/completions",),
    hear=_hear,
    say=_say,
    error=_error,
    wrong=Trouble(400, "the request is not valid"),
    step=_step,
    forms={
        "400-context": Trouble(400, "Your request exceeded model token limit: 262144"),
        "400-filter": Trouble(400, "the request was rejected as high risk", kind="content_filter"),
        "401": Trouble(401, "Invalid Authentication", kind="invalid_authentication_error"),
        "402": _NO_MONEY,
        "403": Trouble(403, "no permission for this resource", kind="permission_denied_error"),
        "404-model": Trouble(404, "Not found the model or permission denied", kind="resource_not_found_error"),
        "429": Trouble(429, "max RPM reached, try again", kind="rate_limit_reached_error"),
        "429-quota": _NO_MONEY,
        "500": Trouble(500, "internal error", kind="server_error"),
        "503": Trouble(429, "the engine is overloaded", kind="engine_overloaded_error"),
        "no-choices": lambda asked: {**_say(asked, Said("")), "choices": []},
        "filtered": lambda asked: _say(asked, Said("Simulated: The first", "filter")),
        "truncated": lambda asked: _say(asked, Said("Simulated: 1. **Alpha**\n2. **Be", "length")),
    },
)
