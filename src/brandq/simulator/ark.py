"""火山方舟's Responses: what was done, step by step. Its annotations have no offsets, so they say which, not where.

The tool doubao_app answers as the app 豆包 does: text and sources come in the blocks of one step.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from brandq.simulator.assistants import INLINE, marked
from brandq.simulator.hearing import bearer, messages_in, model_in, one_of, own_fields, prompt_in, tools_in, whole
from brandq.simulator.speaking import Asked, Heard, Json, Said, Speaker, Trouble, Wrong, tokens

_MISSING = "MissingParameter"
_TOOLS = ("function", "web_search", "doubao_app", "mcp", "image_process", "knowledge_search")
_PLACES = ("toutiao", "douyin", "moji", "search_engine")
#: why it ended, where it did not end by itself
_REASONS = {"length": "length", "filter": "content_filter"}


def _hear(body: Json, request: Request) -> Heard:
    bearer(request)
    own_fields(body, "input", "tools")
    model = model_in(body, _MISSING)
    given = body.get("input")
    if not given:
        raise Wrong("input is required", _MISSING, "input")
    prompt = given if isinstance(given, str) else prompt_in(messages_in(given, where="input"))
    search = False
    for tool in tools_in(body, _TOOLS):
        if tool["type"] == "web_search":
            search = True
            whole(tool.get("limit"), 1, 50, "limit")
            whole(tool.get("max_keyword"), 1, 50, "max_keyword")
            places = tool.get("sources", [])
            for place in places if isinstance(places, list) else [places]:
                one_of(place, _PLACES, "sources")
        elif tool["type"] == "doubao_app":
            search = search or _app_searches(tool)
    return Heard(model, prompt, search)


def _app(body: Json) -> Json | None:
    return next((tool for tool in body.get("tools", []) if tool["type"] == "doubao_app"), None)


def _app_searches(tool: Json) -> bool:
    feature = tool.get("feature", {})
    searching = feature.get("ai_search", {}) if isinstance(feature, dict) else None
    if not isinstance(searching, dict):
        raise Wrong("tools: feature.ai_search is an object", param="tools")
    one_of(searching.get("type"), ("enabled", "disabled"), "feature.ai_search.type")
    return searching.get("type") == "enabled"


def _say(asked: Asked, said: Said) -> Json:
    app = _app(asked.body)
    text = marked(said.text, said.found, lambda number: f"[{number}]" if app else "")
    if app is not None and not said.refused:
        output = [_app_call(asked, said, text)]
    else:
        output = [*_searches(asked, said), _message(asked, said, text)]
    tokens_in, tokens_out = tokens(asked, text)
    usage: dict[str, Any] = {
        "input_tokens": tokens_in,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": tokens_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens_in + tokens_out,
    }
    if said.found and app is None:
        usage["tool_usage"] = {"web_search": 1}
    reply: dict[str, Any] = {
        "id": asked.id,
        "object": "response",
        "created_at": 0,
        "model": f"{asked.model}-simulated",
        "status": "completed" if said.end == "stop" else "incomplete",
        "output": output,
        "usage": usage,
    }
    if said.end != "stop":
        reply["incomplete_details"] = {"reason": _REASONS[said.end]}
    return reply


def _searches(asked: Asked, said: Said) -> list[Json]:
    if not said.found:
        return []
    action = {"type": "search", "query": asked.prompt}
    return [{"type": "web_search_call", "id": f"ws-{asked.id}", "status": "completed", "action": action}]


def _message(asked: Asked, said: Said, text: str) -> Json:
    content: dict[str, Any]
    if said.refused:
        content = {"type": "refusal", "refusal": text}
    else:
        cited = {link[2] for link in INLINE.finditer(said.text)}
        content = {
            "type": "output_text",
            "text": text,
            "annotations": [
                {
                    "type": "url_citation",
                    "title": page.title,
                    "url": page.url,
                    "site_name": page.site,
                    "publish_time": "",
                    "summary": page.summary,
                    "logo_url": "",
                }
                for page in said.found
                if page.url in cited
            ],
        }
    status = "completed" if said.end == "stop" else "incomplete"
    return {"type": "message", "id": f"msg-{asked.id}", "role": "assistant", "status": status, "content": [content]}


def _app_call(asked: Asked, said: Said, text: str) -> Json:
    blocks: list[Json] = []
    if said.found:
        cards = [
            {
                "text_card": {
                    "title": page.title,
                    "url": page.url,
                    "sitename": page.site,
                    "summary": page.summary,
                    "publish_time_second": "",
                }
            }
            for page in said.found
        ]
        blocks.append({"type": "search", "queries": [asked.prompt], "results": cards})
    blocks.append({"type": "output_text", "text": text})
    return {"type": "doubao_app_call", "id": f"app-{asked.id}", "status": "completed", "blocks": blocks}


def _error(trouble: Trouble) -> Json:
    return {
        "error": {
            "code": trouble.code,
            "message": trouble.message,
            "param": trouble.param or "",
            "type": trouble.kind or "BadRequest",
        }
    }


def _failed(asked: Asked) -> Json:
    error = {"code": "ServerOverloaded", "message": "simulated: busy"}
    return {**_say(asked, Said("")), "status": "failed", "output": [], "error": error}


ARK = Speaker(
    paths=("/ark/responses",),
    hear=_hear,
    say=_say,
    error=_error,
    wrong=Trouble(400, "a parameter is not valid", "InvalidParameter"),
    forms={
        "400-context": Trouble(400, "Total tokens exceed maximum context length", "InvalidParameter"),
        "400-filter": Trouble(400, "the input may be sensitive", "InputTextSensitiveContentDetected"),
        "401": Trouble(401, "the key is not valid", "AuthenticationError", "Unauthorized"),
        "402": Trouble(403, "the account is overdue", "AccountOverdueError", "Forbidden"),
        "403": Trouble(403, "no access", "AccessDenied", "Forbidden"),
        "404-model": Trouble(404, "no such model or endpoint", "InvalidEndpointOrModel.NotFound", "NotFound"),
        "429": Trouble(429, "too many requests", "RateLimitExceeded.EndpointRPMExceeded", "TooManyRequests"),
        "429-quota": Trouble(429, "the quota is used up", "QuotaExceeded", "TooManyRequests"),
        "500": Trouble(500, "internal error", "InternalServiceError", "InternalServerError"),
        "503": Trouble(429, "the service is busy", "ServerOverloaded", "TooManyRequests"),
        "in-band": _failed,
        "no-choices": lambda asked: {**_say(asked, Said("")), "output": []},
        "refusal": lambda asked: _say(asked, Said("Simulated: I can't help with that.", refused=True)),
        "filtered": lambda asked: _say(asked, Said("Simulated: The first", "filter")),
        "truncated": lambda asked: _say(asked, Said("Simulated: 1. **Alpha**\n2. **Be", "length")),
    },
)
