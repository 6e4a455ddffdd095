"""An assistant that costs next to nothing: the simulator is too slow where the pipeline itself is measured.

    python -m bench.answering

One process, one loop, no framework. It prints its port as the first line and serves until its standard input ends.

    POST /MS/v1/chat/completions   one of 64 answers in OpenAI's dialect, about 2 KB each, after MS milliseconds
    GET  /calls                    {"total", "in_flight", "peak"} since the last /reset
    POST /reset                    forgets them
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

SEED = 20261124
#: several, because a session of brandq opens 1,024 connections to one host and no more
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")
SHOPS = ("趣车良品", "竞品 1", "竞品 2", "车尚艺", "御风车改", "驰界工坊", "鹏城车匠", "漆彩贴膜馆", "南澳电驱改装")
SAID = (
    "报价清楚，等待时间短，车主评价普遍不错",
    "技师经验丰富，质保两年，价格略高于同行",
    "服务周到，但需要提前一周预约",
    "项目最全，从贴膜到轮毂都能做，不过门店较小",
    "口碑两极，有人推荐，也有人抱怨交车晚",
    "性价比高，适合预算有限的车主",
)


def _reply(dice: random.Random) -> bytes:
    """Head and body of one answer: a list of eight shops with four sources."""
    lines = [
        f"{number}. **{name}**：{dice.choice(SAID)}。" for number, name in enumerate(dice.sample(SHOPS, 8), start=1)
    ]
    text = "深圳做新能源汽车改装的门店不少，下面几家可以优先了解：\n\n" + "\n".join(lines)
    text += "\n\n建议先比较报价与质保，再实地看一看。改装前请确认项目符合当地规定，并保留好票据。"
    found = []
    for _ in range(4):
        url = f"https://www.site-{dice.randrange(10_000):04}.example/shops/{dice.randrange(1000)}"
        found.append({"url": url, "title": "深圳改装门店综述", "start_index": 0, "end_index": len(text)})
    body = json.dumps(
        {
            "id": f"chatcmpl-{dice.getrandbits(64):016x}",
            "object": "chat.completion",
            "created": 0,
            "model": "bench-1",
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": text,
                        "annotations": [{"type": "url_citation", "url_citation": one} for one in found],
                    },
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 30, "completion_tokens": 420, "total_tokens": 450},
        },
        ensure_ascii=False,
    ).encode()
    return _head(len(body)) + body


def _head(length: int) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: bench\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


class Counts:
    """What was asked; one per process."""

    def __init__(self) -> None:
        self.total = self.in_flight = self.peak = 0


class Answering(asyncio.Protocol):
    """One connection. Requests on it come one after the other, as HTTP/1.1 clients without pipelining send them."""

    def __init__(self, counts: Counts, replies: list[bytes]) -> None:
        self._counts, self._replies = counts, replies
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].lower()
        at = head.find(b"content-length:")
        length = 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self._received) < end + 4 + length:
            return
        path = self._received.split(b" ", 2)[1]
        self._received = b""
        counts = self._counts
        if path == b"/calls":
            body = json.dumps({"total": counts.total, "in_flight": counts.in_flight, "peak": counts.peak}).encode()
            self._transport.write(_head(len(body)) + body)
        elif path == b"/reset":
            counts.total, counts.peak = 0, counts.in_flight
            self._transport.write(_head(2) + b"{}")
        else:
            counts.total += 1
            counts.in_flight += 1
            counts.peak = max(counts.peak, counts.in_flight)
            wait_s = int(path[1 : path.index(b"/", 1)]) / 1000
            if wait_s:
                self._loop.call_later(wait_s, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        self._counts.in_flight -= 1
        if not self._transport.is_closing():
            self._transport.write(self._replies[self._counts.total % len(self._replies)])


async def serve() -> None:
    counts = Counts()
    dice = random.Random(SEED)
    replies = [_reply(dice) for _ in range(64)]
    loop = asyncio.get_running_loop()
    port = 0
    for host in HOSTS:
        server = await loop.create_server(lambda: Answering(counts, replies), host, port, backlog=4096)
        port = server.sockets[0].getsockname()[1]
    print(port, flush=True)
    # whoever started it holds the other end of the pipe: it ends with them, however they end
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
