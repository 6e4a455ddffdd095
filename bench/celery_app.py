"""The rival: the same calls through Celery 5 as a careful user would write it, one task per call, one row per answer.

Runs in the environment of requirements-bench.lock, which has no brandq in it. Told by variables: RIVAL_BROKER_URL,
RIVAL_DATABASE (what psycopg takes), RIVAL_URL (the assistant), RIVAL_PREFETCH.

    python celery_app.py COUNT     put so many calls into the queue
"""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from typing import Any

import psycopg
import urllib3
from celery import Celery
from kombu import Queue

app = Celery("rival", broker=os.environ["RIVAL_BROKER_URL"])
app.conf.update(
    # as the predecessor had it: a call whose worker died is made again
    task_acks_late=True,
    task_ignore_result=True,
    result_backend=None,
    worker_prefetch_multiplier=int(os.environ.get("RIVAL_PREFETCH", "4")),
    task_queues=[Queue("rival", durable=True)],
    task_default_queue="rival",
    broker_connection_retry_on_startup=True,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_pool_limit=4,
)
HEADERS = {"content-type": "application/json", "authorization": "Bearer none"}
INSERT = (
    "INSERT INTO rival_answers (sample_id, prompt, model, text, tokens_in, tokens_out, raw) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
_here = threading.local()
_pools: dict[int, urllib3.PoolManager] = {}


def _pool() -> urllib3.PoolManager:
    """Connections to the assistant, kept open; one pool per process, made after the fork."""
    pool = _pools.get(os.getpid())
    if pool is None:
        pool = _pools.setdefault(os.getpid(), urllib3.PoolManager(maxsize=1024, retries=False))
    return pool


def _database() -> psycopg.Connection[Any]:
    """A connection for each thread, kept open."""
    owner, connection = getattr(_here, "held", (0, None))
    if owner != os.getpid() or connection is None or connection.closed:
        connection = psycopg.connect(os.environ["RIVAL_DATABASE"], autocommit=True)
        _here.held = (os.getpid(), connection)
    return connection


@app.task(name="ask")
def ask(sample_id: str, prompt: str, model: str) -> None:
    """One call, one row, one commit."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "web_search_options": {}}
    reply = _pool().request(
        "POST",
        os.environ["RIVAL_URL"] + "/v1/chat/completions",
        body=json.dumps(body, ensure_ascii=False).encode(),
        headers=HEADERS,
        timeout=60,
    )
    if reply.status != 200:
        raise RuntimeError(f"the assistant said {reply.status}")
    found = json.loads(reply.data)
    text, usage = found["choices"][0]["message"]["content"], found["usage"]
    row = (sample_id, prompt, model, text, usage["prompt_tokens"], usage["completion_tokens"], reply.data)
    _database().execute(INSERT, row)


def send(count: int) -> None:
    prompts = [f"深圳新能源汽车改装门店哪家好？请推荐几家并说明理由（{n}）" for n in range(1, 17)]
    with app.producer_pool.acquire(block=True) as producer:
        for n in range(count):
            ask.apply_async((str(uuid.uuid4()), prompts[n % 16], f"m{n % 16 + 1}"), producer=producer)


if __name__ == "__main__":
    send(int(sys.argv[1]))
