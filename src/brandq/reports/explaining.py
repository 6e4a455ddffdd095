"""What error codes mean, in one sentence for people who know no provider: what happened, and what helps."""

from __future__ import annotations

from collections.abc import Mapping

_MEANINGS: Mapping[str, str] = {
    "rate_limit": "The provider was asked faster than it allows. Asking again later usually helps.",
    "overloaded": "The provider had too much to do, or an outage. Asking again later usually helps.",
    "network": "The provider could not be reached, or its reply broke off. Asking again usually helps.",
    "auth": "The provider does not accept the API key. The key has to be put right before asking again.",
    "no_money": "The account at the provider is out of credit. It has to be topped up before asking again.",
    "daily_quota": "The account's quota for the day is used up. Ask again once it is renewed.",
    "permission": "The API key may not use this model or this function. Its rights have to be widened first.",
    "model": "The provider does not know this model, or no longer. Another model has to be chosen.",
    "context": "The prompt is too long for this model. A shorter prompt or another model helps.",
    "bad_request": "The provider did not accept the request as it was sent. The message says what it objects to.",
    "deadline": "Time ran out before the answer came. Asking again gives it new time.",
    "budget": "It was not asked, because the cost limit was reached. A higher limit lets it be asked.",
    "lost": "The program that asked ended without a result, several times. Asking again usually helps.",
    "unread": "The answer is stored, but could not be read. A retry takes it over and reads it again.",
}
_UNKNOWN = "It went wrong in a way that has no explanation here. The message beside it says more."


def explained(code: str | None) -> str:
    """The sentence, in English, to be told in the reader's language."""
    return _MEANINGS.get(code or "", _UNKNOWN)
