"""Notify: tell the webhook that an execution has ended."""

from __future__ import annotations

import logging
from datetime import timedelta

from brandq import store, webhooks
from brandq.actors.declare import actor
from brandq.actors.desk import Desk

logger = logging.getLogger(__name__)

#: the wait after the first failed delivery; it doubles, so that ten tries span about a day and a half
FIRST_WAIT_S = 120


@actor(queue_name="brandq.notify", time_limit=60_000)
async def notify(desk: Desk, execution_id: str) -> None:
    """Take a due delivery, tell the webhook, record how that went.

    Safe to repeat: a delivery is taken until its next try is due. The receiver may still be told twice, when it was
    told and the note of it was lost: it goes by execution_id.
    """
    url = desk.settings.webhook_url
    if url is None:
        return
    now = desk.now()

    def claim() -> store.Delivery | None:
        with desk.database.begin() as db:
            return store.claim_delivery(db, execution_id, first_wait=timedelta(seconds=FIRST_WAIT_S), now=now)

    def settle(error: str | None) -> None:
        with desk.database.begin() as db:
            store.settle_delivery(db, execution_id, delivered_at=None if error else desk.now(), error=error)

    delivery = await desk.in_thread(claim)
    if delivery is None:
        return
    secret = desk.settings.webhook_secret
    error = await webhooks.tell(desk.http, url, secret.reveal() if secret else None, delivery.as_json())
    if error:
        logger.warning("webhook not told of %s, try %d: %s", execution_id, delivery.attempt, error)
    await desk.in_thread(lambda: settle(error))
