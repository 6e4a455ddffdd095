"""What all workers know of an engine together, as people and programs are shown it: paused, slowed, last answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brandq.plan import EngineRef, parted
from brandq.providers.registry import EngineListing
from brandq.store import EngineState
from brandq.web import wire

_MINUTE_US = 60_000_000


@dataclass(frozen=True)
class Known:
    """What is known of one row: of its provider, None where nothing is, and of its models that are paused, by name."""

    provider: EngineState | None
    models: Mapping[str, EngineState]

    @property
    def slowed_to_per_minute(self) -> float | None:
        """Calls in a minute that are left of its pace since it said "too many"; None where it is not slowed."""
        slowed_us = self.provider.slowed_us if self.provider else 0
        return round(_MINUTE_US / slowed_us, 1) if slowed_us else None


def known_of(listed: EngineListing, states: Mapping[str, EngineState]) -> Known:
    """What these states say of a row, of the simulator's where that answers in its place."""
    own = EngineRef(listed.name, listed.name, "", simulated=listed.simulated).scopes[0]
    models = {}
    for scope, state in sorted(states.items()):
        provider, model = parted(scope)
        if provider == own and model is not None and state.open_until is not None:
            models[model] = state
    return Known(states.get(own), models)


def pause(state: EngineState) -> dict[str, Any]:
    """Why an open scope is not asked. ``until`` may have passed: it is paused until a call has succeeded."""
    return {
        "reason": state.open_reason,
        "message": state.open_message,
        "since": wire.instant(state.opened_at),
        "until": wire.instant(state.open_until),
    }
