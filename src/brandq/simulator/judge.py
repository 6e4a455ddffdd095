"""An assistant that plays a judge: asked for verdicts it gives them, well or, on demand, badly.

Every model whose name begins with ``judge`` does so when its prompt is a judge's; to any other prompt it is an
assistant like all. How it fails stands in its name: ``judge-1`` does not, ``judge-1-fenced`` puts its JSON into a code
fence, ``judge-1-prose`` talks around it, and so on: see MANNERS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_SENTENCE = re.compile(r"[^。！？!?；;\n]+[。！？!?；;]?")
_PRAISE = re.compile(
    r"推荐|稳定|透明|丰富|性价比|细致|优秀|好|steady|clear|experience|warranty|good|great|best|attentive|widest"
)
_BLAME = re.compile(r"但|不推荐|避|差|慢|贵|\bbut\b|avoid|worst|slow|poor|overpriced")

_Json = dict[str, Any]


def judged(model: str, prompt: str) -> str | None:
    """What the model says to the prompt; None where it is no judge, or the prompt none that a judge gets."""
    if not model.startswith("judge"):
        return None
    try:
        document = json.loads(prompt)
        answer, listed = str(document["answer"]), list(document["brands"])
        verdicts = [_verdict(answer, str(brand["brand_id"]), list(brand["written_as"])) for brand in listed]
    except (ValueError, KeyError, TypeError):
        return None
    manner = next((spoil for name, spoil in MANNERS.items() if f"-{name}" in model), _well)
    return manner(verdicts, answer)


def _verdict(answer: str, brand_id: str, surfaces: list[str]) -> _Json:
    sentences = [found[0].strip() for found in _SENTENCE.finditer(answer)]
    quote = next((said for said in sentences if any(surface in said for surface in surfaces)), surfaces[0])
    praised, blamed = bool(_PRAISE.search(quote)), bool(_BLAME.search(quote))
    sentiment = "mixed" if praised and blamed else "pos" if praised else "neg" if blamed else "neu"
    return {
        "brand_id": brand_id,
        "sentiment": sentiment,
        "strength": {"pos": 2, "mixed": 1, "neu": 0, "neg": -1}[sentiment],
        "caveat": blamed,
        "evidence_quote": quote,
    }


def _well(verdicts: list[_Json], answer: str) -> str:
    return json.dumps({"verdicts": verdicts}, ensure_ascii=False)


def _with(**fields: Any) -> Callable[[list[_Json], str], str]:
    return lambda verdicts, answer: _well([{**verdict, **fields} for verdict in verdicts], answer)


def _without_quote(verdicts: list[_Json], answer: str) -> str:
    return _well([{name: said for name, said in one.items() if name != "evidence_quote"} for one in verdicts], answer)


#: what a judge's name may hold after a hyphen, and how it then speaks
MANNERS: Mapping[str, Callable[[list[_Json], str], str]] = {
    "fenced": lambda verdicts, answer: f"```json\n{_well(verdicts, answer)}\n```",
    "prose": lambda verdicts, answer: f"Here are the verdicts:\n{_well(verdicts, answer)}\nI hope this helps.",
    "not-json": lambda verdicts, answer: "Simulated: they are all quite good.",
    "wrong-quote": _with(evidence_quote="the very best of all that was ever simulated"),
    "unknown-id": _with(brand_id="B99"),
    "wrong-label": _with(sentiment="positive"),
    "no-quote": _without_quote,
}
