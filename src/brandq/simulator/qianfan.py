"""百度千帆's chat completions, version 2: search is a field of its own, markers look like ^[1]^, errors have an id."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from brandq.simulator.assistants import marked, seed
from brandq.simulator.hearing import bearer, flag, messages_in, model_in, one_of, own_fields, prompt_in, tools_in
from brandq.simulator.speaking import Asked, Heard, Json, Said, Speaker, Trouble, Wrong, tokens

_ENDS = {"stop": "stop", "length": "length", "filter": "content_filter"}


def _hear(body: Json, request: Request) -> Heard:
    bearer(request)
    own_fields(body, "messages", "tools", "web_search")
    model = model_in(body, "invalid_model")
    messages = messages_in(body.get("messages"), last=("user", "tool"))
    tools_in(body, ("function",))
    options = body.get("web_search", {})
    if not isinstance(options, dict):
        raise Wrong("web_search is an object")
    for name in ("enable", "enable_citation", "enable_trace"):
        flag(options.get(name), f"web_search.{name}")
    one_of(options.get("search_mode"), ("auto", "required"), "web_search.search_mode")
    return Heard(model, prompt_in(messages), options.get("enable") is True)


def _say(asked: Asked, said: Said) -> Json:
    options = asked.body.get("web_search", {})
    cites = bool(options.get("enable_citation"))
    text = marked(said.text, said.found, lambda number: f"^[{number}]^" if cites else "")
    tokens_in, tokens_out = tokens(asked, text)
    reply: dict[str, Any] = {
        "id": asked.id,
        "object": "chat.completion",
        "created": 0,
        "model": f"{asked.model}-simulated",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": _ENDS[said.end],
                "flag": 1 if said.end == "filter" else 0,
            }
        ],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        },
    }
    if said.found and options.get("enable_trace"):
        reply["search_results"] = [{"index": page.number, "url": page.url, "title": page.title} for page in said.found]
    return reply


def _error(trouble: Trouble) -> Json:
    return {
        "error": {
            "code": trouble.code,
            "message": trouble.message,
            "type": trouble.kind or "invalid_request_error",
        },
        "id": f"simulated-{seed(trouble.code, trouble.message):016x}",
    }


QIANFAN = Speaker(
    paths=("/qianfan/chat/completions",),
    hear=_hear,
    say=_say,
    error=_error,
    wrong=Trouble(400, "Invalid Argument", "invalid_argument"),
    garbled="malformed_json",
    forms={
        "400-context": Trouble(400, "the max input tokens is 126976", "tokens_too_long"),
        "400-filter": Trouble(400, "the content is not safe", "unsafe_request", "unsafe_request"),
        "401": Trouble(401, "the token is not valid", "invalid_iam_token"),
        "402": Trouble(429, "the account is in arrears", "BILLING_INSUFFICIENT_BALANCE", "billing_error"),
        "403": Trouble(403, "no permission", "access_denied", "access_denied"),
        "404-model": Trouble(400, "the model does not exist", "invalid_model"),
        "429": Trouble(429, "too many requests in a minute", "rpm_rate_limit_exceeded", "rate_limit_exceeded"),
        # what it calls a quota is one of the day
        "429-quota": Trouble(429, "the quota of the day is used up", "QUOTA_USER_DAILY_TOKENS", "quota_exceeded"),
        "500": Trouble(500, "internal error", "internal_error", "internal_error"),
        "503": Trouble(503, "the service is busy", "service_unavailable", "internal_error"),
        # version 1 told its errors so, and gateways in front of it still do
        "in-band": lambda asked: {"error_code": 336100, "error_msg": "simulated: try again", "id": asked.id},
        "no-choices": lambda asked: {**_say(asked, Said("")), "choices": []},
        "filtered": lambda asked: _say(asked, Said("Simulated: The first", "filter")),
        "truncated": lambda asked: _say(asked, Said("Simulated: 1. **Alpha**\n2. **Be", "length")),
    },
)
