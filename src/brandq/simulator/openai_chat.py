"""OpenAI's chat completions, which most providers imitate: lenient about a request, for it plays all of them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from brandq.simulator.assistants import INLINE
from brandq.simulator.speaking import Asked, Heard, Json, Said, Speaker, Trouble, Wrong, tokens

_SEARCH_FIELDS = ("tools", "web_search", "web_search_options", "enable_search")
_ENDS = {"stop": "stop", "length": "length", "filter": "content_filter"}


def _hear(body: Json, request: Request) -> Heard:
    try:
        model, prompt = str(body["model"]), str(body["messages"][-1]["content"])
    except (KeyError, IndexError, TypeError) as missing:
        raise Wrong("expected model and messages") from missing
    return Heard(model, prompt, any(body.get(name) not in (None, False, []) for name in _SEARCH_FIELDS))


def _say(asked: Asked, said: Said) -> Json:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if said.refused else said.text,
        "refusal": said.text if said.refused else None,
    }
    tokens_in, tokens_out = tokens(asked, said.text)
    usage: dict[str, Any] = {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }
    if asked.search and not said.refused and said.text:
        message["annotations"] = [
            {
                "type": "url_citation",
                "url_citation": {
                    "url": found[2],
                    "title": found[1],
                    "start_index": found.start(),
                    "end_index": found.end(),
                },
            }
            for found in INLINE.finditer(said.text)
        ]
        usage["server_tool_use"] = {"web_search_requests": 1}
    return {
        "id": asked.id,
        "object": "chat.completion",
        "created": 0,
        "model": f"{asked.model}-simulated",
        "choices": [{"index": 0, "message": message, "finish_reason": _ENDS[said.end]}],
        "usage": usage,
    }


def _error(trouble: Trouble) -> Json:
    return {
        "error": {
            "message": trouble.message,
            "type": trouble.kind or "invalid_request_error",
            "param": trouble.param,
            "code": trouble.code,
        }
    }


OPENAI_CHAT = Speaker(
    paths=("/v1/chat/completions",),
    hear=_hear,
    say=_say,
    error=_error,
    wrong=Trouble(400, "bad request", "bad_request"),
    forms={
        "400-context": Trouble(400, "maximum context length", "context_length_exceeded"),
        "400-filter": Trouble(400, "flagged", "content_filter"),
        "401": Trouble(401, "incorrect key", "invalid_api_key"),
        "402": Trouble(402, "insufficient balance", None, "billing"),
        "403": Trouble(403, "not in your region", None, "forbidden"),
        "404-model": Trouble(404, "the model does not exist", "model_not_found"),
        "429": Trouble(429, "slow down", "rate_limit_exceeded", "requests"),
        "429-quota": Trouble(429, "quota exceeded", "insufficient_quota", "insufficient_quota"),
        "500": Trouble(500, "internal", None, "server_error"),
        "503": Trouble(503, "overloaded", None, "server_error"),
        "timeout": Trouble(504, "gateway timeout", None, "timeout"),
        "in-band": lambda asked: {"error": {"code": 429, "message": "simulated: upstream is busy"}},
        "no-choices": lambda asked: {**_say(asked, Said("")), "choices": []},
        "refusal": lambda asked: _say(asked, Said("Simulated: I can't help with that.", refused=True)),
        "filtered": lambda asked: _say(asked, Said("Simulated: The first", "filter")),
        "truncated": lambda asked: _say(asked, Said("Simulated: 1. **Alpha**\n2. **Be", "length")),
    },
)
