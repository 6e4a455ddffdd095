"""What holds for whatever a dialect reads, in any dialect."""

from __future__ import annotations

from brandq.providers.dialect import Answer, ProviderError


def check(outcome: object, *, most_cost: int = 1_000_000) -> None:
    """An answer or an error that can be stored: bounded, without what a database refuses, with spans inside the text."""
    if isinstance(outcome, ProviderError):
        assert len(outcome.message) <= 200
        outcome.message.encode()
        assert "\0" not in outcome.message
        assert outcome.wait_ms is None or 0 <= outcome.wait_ms <= 24 * 3600 * 1000
        return
    assert isinstance(outcome, Answer)
    for text in (outcome.text, outcome.finish or "", outcome.served_model or ""):
        text.encode()
        assert "\0" not in text
    assert outcome.cost is None or 0 <= outcome.cost < most_cost
    assert (outcome.cost is None) == (outcome.currency is None)
    assert len({citation.url for citation in outcome.citations}) == len(outcome.citations)
    for citation in outcome.citations:
        citation.url.encode()
        assert citation.url.lower().startswith(("http://", "https://"))
        assert (citation.start is None) == (citation.end is None)
        if citation.start is not None and citation.end is not None:
            assert 0 <= citation.start < citation.end <= len(outcome.text)
    for count in (outcome.tokens_in, outcome.tokens_out):
        assert count is None or 0 <= count < 2**31
