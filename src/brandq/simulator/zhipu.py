"""智谱's chat completions: search is a tool, its sources stand beside the choices, and every error has a number."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from brandq.simulator.assistants import marked
from brandq.simulator.hearing import bearer, flag, messages_in, model_in, one_of, own_fields, prompt_in, tools_in, whole
from brandq.simulator.speaking import Asked, Heard, Json, Said, Speaker, Trouble, Wrong, tokens

_BAD_FIELD, _BAD_MESSAGES = "1210", "1214"
_ENGINES = ("search_std", "search_pro", "search_pro_sogou", "search_pro_quark")
_ENDS = {"stop": "stop", "length": "length", "filter": "sensitive"}


def _hear(body: Json, request: Request) -> Heard:
    bearer(request)
    own_fields(body, "messages", "tools")
    model = model_in(body)
    messages = messages_in(body.get("messages"), _BAD_MESSAGES)
    options = _options(body)
    for name in ("enable", "search_result"):
        flag(options.get(name), name)
    one_of(options.get("search_engine"), _ENGINES, "search_engine")
    one_of(options.get("content_size"), ("medium", "high"), "content_size")
    whole(options.get("count"), 1, 50, "count")
    return Heard(model, prompt_in(messages), bool(options) and options.get("enable") is not False)


def _options(body: Json) -> dict[str, Any]:
    """What the web_search tool holds; empty where there is none."""
    for tool in tools_in(body, ("function", "retrieval", "web_search", "mcp")):
        if tool["type"] == "web_search":
            options = tool.get("web_search")
            if not isinstance(options, dict) or not options:
                raise Wrong("tools: a web_search holds an object web_search", param="tools")
            return options
    return {}


def _say(asked: Asked, said: Said) -> Json:
    shown = said.found if said.found and _options(asked.body).get("search_result") is not False else ()
    text = marked(said.text, said.found, lambda number: f"[ref_{number}]" if shown else "")
    tokens_in, tokens_out = tokens(asked, text)
    reply: dict[str, Any] = {
        "id": asked.id,
        "request_id": asked.id,
        "created": 0,
        "model": f"{asked.model}-simulated",
        "choices": [{"index": 0, "finish_reason": _ENDS[said.end], "message": {"role": "assistant", "content": text}}],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        },
    }
    if shown:
        reply["web_search"] = [
            {
                "refer": f"ref_{page.number}",
                "title": page.title,
                "link": page.url,
                "content": page.summary,
                "media": page.site,
                "icon": "",
                "publish_date": "",
            }
            for page in shown
        ]
    return reply


def _error(trouble: Trouble) -> Json:
    return {"error": {"code": trouble.code, "message": trouble.message}}


def _broken_off(asked: Asked) -> Json:
    """Its error under HTTP 200: the text breaks off, and the finish says why."""
    reply = dict(_say(asked, Said("Simulated: The first")))
    reply["choices"] = [{**choice, "finish_reason": "network_error"} for choice in reply["choices"]]
    return reply


_NO_MONEY = Trouble(429, "余额不足，请充值", "1113")

ZHIPU = Speaker(
    paths=("/zhipu/chat/completions",),
    hear=_hear,
    say=_say,
    error=_error,
    wrong=Trouble(400, "参数有误", _BAD_FIELD),
    forms={
        "400-context": Trouble(400, "Prompt 超长", "1261"),
        "400-filter": Trouble(400, "输入内容可能包含敏感内容", "1301"),
        "401": Trouble(401, "身份验证失败", "1000"),
        "402": _NO_MONEY,
        "403": Trouble(403, "无权访问该接口", "1220"),
        "404-model": Trouble(400, "模型不存在", "1211"),
        "429": Trouble(429, "请求频率过高", "1302"),
        "429-quota": _NO_MONEY,
        "500": Trouble(500, "内部错误", "500"),
        "503": Trouble(429, "模型当前访问量过大", "1305"),
        "in-band": _broken_off,
        "no-choices": lambda asked: {**_say(asked, Said("")), "choices": []},
        "filtered": lambda asked: _say(asked, Said("Simulated: The first", "filter")),
        "truncated": lambda asked: _say(asked, Said("Simulated: 1. **Alpha**\n2. **Be", "length")),
    },
)
