"""阿里云百炼's own dialect, DashScope: the prompt in ``input``, all else in ``parameters``, errors without a frame.

Sources stand in output.search_info, and markers in the text, only where search_options asks for either.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from brandq.simulator.assistants import marked, seed
from brandq.simulator.hearing import bearer, flag, messages_in, model_in, one_of, own_fields, prompt_in
from brandq.simulator.speaking import Asked, Heard, Json, Said, Speaker, Trouble, Wrong, tokens

_ROOT = "/dashscope/api/v1/services/aigc"
_SEEING = f"{_ROOT}/multimodal-generation/generation"
_STRATEGIES = ("turbo", "max", "agent", "agent_max")
_FORMATS = ("[<number>]", "[ref_<number>]")
_ENDS = {"stop": "stop", "length": "length"}


def _hear(body: Json, request: Request) -> Heard:
    bearer(request)
    own_fields(body, "input", "parameters")
    model = model_in(body)
    given = body.get("input")
    messages = messages_in(given.get("messages") if isinstance(given, dict) else None, where="input.messages")
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Wrong("parameters is an object")
    own_fields(parameters, "enable_search", "search_options", "tools")
    if parameters.get("incremental_output") or request.headers.get("x-dashscope-sse") == "enable":
        raise Wrong("streams are not simulated")
    one_of(parameters.get("result_format"), ("message", "text"), "result_format")
    search = flag(parameters.get("enable_search"), "enable_search")
    options = parameters.get("search_options", {})
    if not isinstance(options, dict):
        raise Wrong("search_options is an object")
    for name in ("forced_search", "enable_source", "enable_citation"):
        flag(options.get(name), name)
    one_of(options.get("citation_format"), _FORMATS, "citation_format")
    one_of(options.get("search_strategy"), _STRATEGIES, "search_strategy")
    if options.get("search_strategy") == "agent_max":
        raise Wrong("search_strategy agent_max only support stream")
    return Heard(model, prompt_in(messages), search)


def _say(asked: Asked, said: Said) -> Json:
    seeing = asked.request.url.path == _SEEING
    parameters = asked.body.get("parameters", {})
    options = parameters.get("search_options", {})
    sourced = bool(options.get("enable_source"))
    form = (options.get("citation_format") or _FORMATS[0]) if sourced and options.get("enable_citation") else ""
    text = marked(said.text, said.found, lambda number: form.replace("<number>", str(number)))
    output: dict[str, Any]
    if seeing or parameters.get("result_format") == "message":
        message = {"role": "assistant", "content": [{"text": text}] if seeing else text}
        output = {"choices": [{"finish_reason": _ENDS[said.end], "message": message}]}
    else:
        output = {"text": text, "finish_reason": _ENDS[said.end]}
    if said.found and sourced:
        output["search_info"] = {
            "search_results": [
                {"index": page.number, "title": page.title, "url": page.url, "site_name": page.site, "icon": ""}
                for page in said.found
            ]
        }
    tokens_in, tokens_out = tokens(asked, text)
    usage: dict[str, Any] = {
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }
    if said.found:
        usage["plugins"] = {"search": {"count": 1}}
    return {"output": output, "usage": usage, "request_id": asked.id}


def _error(trouble: Trouble) -> Json:
    return {
        "code": trouble.code,
        "message": trouble.message,
        "request_id": f"simulated-{seed(trouble.code, trouble.message):016x}",
    }


_QUOTA = Trouble(429, "Free allocated quota exceeded.", "Throttling.AllocationQuota")

DASHSCOPE = Speaker(
    paths=(f"{_ROOT}/text-generation/generation", _SEEING),
    hear=_hear,
    say=_say,
    error=_error,
    wrong=Trouble(400, "Required body invalid", "InvalidParameter"),
    forms={
        "400-context": Trouble(400, "Range of input length should be [1, 129024]", "InvalidParameter"),
        "400-filter": Trouble(400, "Input data may contain inappropriate content.", "DataInspectionFailed"),
        "401": Trouble(401, "Invalid API-key provided.", "InvalidApiKey"),
        "402": Trouble(400, "Access denied, the account is in arrears.", "Arrearage"),
        "403": Trouble(403, "Access to the model is denied.", "AccessDenied.Unpurchased"),
        "404-model": Trouble(404, "Model not exist.", "ModelNotFound"),
        "429": Trouble(429, "Requests rate limit exceeded.", "Throttling.RateQuota"),
        "429-quota": _QUOTA,
        "500": Trouble(500, "An internal error has occurred.", "InternalError"),
        "503": Trouble(503, "The service is not available.", "ServiceUnavailable"),
        "in-band": lambda asked: _error(Trouble(200, "simulated: rate limit exceeded", "Throttling.RateQuota")),
        "no-choices": lambda asked: {**_say(asked, Said("")), "output": {"choices": []}},
        # what it says is inspected as what it is asked: the answer is an error then
        "filtered": Trouble(400, "Output data may contain inappropriate content.", "DataInspectionFailed"),
        "truncated": lambda asked: _say(asked, Said("Simulated: 1. **Alpha**\n2. **Be", "length")),
    },
)
