"""How fast answers are read on one core, where the time goes, and whether two readings are the same to the byte.

    bench/analysis.py [FILE_OR_FOLDER ...]

A file is JSONL with `response` or `text` in each line, and `question` where there is one; a folder stands for its
files. Without any, the long answers among the project's own labelled cases are read, over and over. Fifty brands are
tracked with five hundred names: those that occur in such answers, filled up with made ones. Prints one JSON object per
line. Seconds are those of this process alone, whatever else the machine does. A step's share is taken in a reading of
its own, so that measuring it does not slow down the figure above it.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import inspect
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import brandq.analysis
from brandq.analysis import analyze
from brandq.plan import Brand
from brandq.providers.dialect import Answer, AnswerKind

CASES = Path(__file__).parents[1] / "tests/analysis/cases"
SEED = 20261124
BRANDS, NAMES = 50, 500
ROUNDS = 3
#: at least as many answers are read in a round, the given ones again where they are fewer
LEAST = 600
#: answers per second on one core, and seconds for a megabyte
GOAL, GOAL_S = 500, 2.0
#: a brand, its other names, and its domain after "@"
KNOWN = """
Apple|苹果|MacBook|iPhone @apple.com; Samsung|三星|Galaxy @samsung.com; Sony|索尼 @sony.com; Bose @bose.com
Dell|戴尔|XPS @dell.com; HP|惠普 @hp.com; Lenovo|联想|ThinkPad @lenovo.com; ASUS|华硕 @asus.com; Acer|宏碁
Microsoft|微软|Surface @microsoft.com; Google|谷歌|Pixel; Amazon|亚马逊 @amazon.com; Dyson|戴森; Shark
Roborock|石头科技; Anker|安克; Logitech|罗技; Garmin|佳明; Nike|耐克; Adidas|阿迪达斯; Hoka; L'Oréal|欧莱雅
华为|Huawei @huawei.com; 华为云 @huaweicloud.com; 阿里云|Alibaba Cloud @aliyun.com; 腾讯云 @cloud.tencent.com
小米|Xiaomi @mi.com; 比亚迪|BYD @byd.com; 特斯拉|Tesla @tesla.com; 理想汽车; 蔚来|NIO; 小鹏
麦肯锡|McKinsey @mckinsey.com; 埃森哲|Accenture @accenture.com; 波士顿咨询|BCG; 德勤|Deloitte; 普华永道|PwC
用友; 金蝶; 欧派; 索菲亚; 美的; 格力; 海尔; 趣车良品; 车蚂蚁; 卡妙思; 元若曦; 瑞幸; 星巴克|Starbucks
"""
_LATIN = ("ac", "bel", "cor", "dan", "el", "fen", "gra", "hol", "iva", "jun", "kel", "lor", "mex", "nor", "ova", "pri")
_HAN = "安博宸德恩芳冠浩嘉凯澜铭诺启瑞盛泰维欣雅卓"

NASTY: dict[str, Callable[[int], str]] = {
    "brackets": lambda size: "[(【（" * (size // 4),
    "pipes": lambda size: "| 小米 | Sony |\n" * (size // 14),
    "one wide row": lambda size: "| 小米 " * (size // 5),
    "list markers": lambda size: "1. 小米：好用，但贵\n" * (size // 12),
    "deep bullets": lambda size: "".join(" " * (2 * depth) + "- 小米\n" for depth in range(int(size**0.5))),
    "deep quotes": lambda size: "".join(">" * depth + " 小米\n" for depth in range(int((2 * size) ** 0.5))),
    "one line": lambda size: "小米和索尼都不错，" * (size // 9),
    "a sentence without an end": lambda size: "better than Sony " * (size // 17),
    "mentions": lambda size: "华为云小米" * (size // 5),
    "addresses": lambda size: "https://mi.com/a?utm_source=x#y " * (size // 32),
    "links": lambda size: "[小米](https://mi.com/小米) " * (size // 25),
    "different links": lambda size: "".join(f"[小米](https://a{n}.example/{n}) " for n in range(size // 32)),
    "headings": lambda size: "## 1. 小米\n" * (size // 9),
    "tags": lambda size: "<span hidden>小米" * (size // 15),
    "braces": lambda size: '{"brand": ["小米", ' * (size // 17),
    "emphasis": lambda size: "**小米*" * (size // 5),
    "negation": lambda size: "不推荐小米不是不" * (size // 8),
    "different words": lambda size: "".join(f"- **Brand{n}**: good\n" for n in range(size // 20)),
    "no mention": lambda size: "这里什么也没有。\n" * (size // 9),
}


def brands() -> tuple[Brand, ...]:
    """Fifty brands with ten names each."""
    rng = random.Random(SEED)
    taken: set[str] = set()
    known: list[tuple[list[str], str]] = []
    for entry in KNOWN.replace("\n", ";").split(";"):
        names, _, domain = entry.strip().partition(" @")
        if names:
            known.append((names.split("|"), domain))
            taken.update(known[-1][0])
    assert len(known) >= BRANDS

    def made() -> str:
        while True:
            latin = "".join(rng.choice(_LATIN) for _ in range(rng.randint(3, 4))).capitalize()
            name = latin if rng.random() < 0.5 else "".join(rng.sample(_HAN, 4))
            if name not in taken:
                taken.add(name)
                return name

    tracked = []
    for (name, *others), domain in known[:BRANDS]:
        others += [made() for _ in range(NAMES // BRANDS - 1 - len(others))]
        tracked.append(Brand(name, tuple(others), (domain,) if domain else ()))
    return tuple(tracked)


def answers(paths: Sequence[Path]) -> list[tuple[str, str]]:
    """(text, question) of each line that has an answer."""
    files = [file for path in paths for file in (sorted(path.glob("*.jsonl")) if path.is_dir() else [path])]
    found = []
    for file in files:
        for line in file.read_text(encoding="utf-8").split("\n"):
            document = json.loads(line) if line.strip() else {}
            text = document.get("response") or document.get("text")
            # the short cases are traps, not answers
            if isinstance(text, str) and (file.parent != CASES or len(text) >= 250):
                found.append((text, str(document.get("question") or "")))
    return found


def digest(read: Sequence[tuple[str, str]], tracked: Sequence[Brand]) -> str:
    """SHA-256 over the findings of all answers as JSON, in order."""
    total = hashlib.sha256()
    for text, question in read:
        findings = dataclasses.asdict(analyze(Answer(text, AnswerKind.OK), tracked, question))
        total.update(json.dumps(findings, ensure_ascii=True).encode())
    return total.hexdigest()


def round_s(read: Sequence[tuple[str, str]], tracked: Sequence[Brand]) -> float:
    begun = time.process_time()
    for text, question in read:
        analyze(Answer(text, AnswerKind.OK), tracked, question)
    return time.process_time() - begun


def steps(read: Sequence[tuple[str, str]], tracked: Sequence[Brand]) -> dict[str, float]:
    """Seconds inside each function that ``analyze`` calls by its name, the slowest first, and what is left."""
    spent: dict[str, float] = {}

    def timed(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        spent[name] = 0.0

        def run(*args: Any, **named: Any) -> Any:
            begun = time.process_time()
            try:
                return step(*args, **named)
            finally:
                spent[name] += time.process_time() - begun

        return run

    called = set(analyze.__code__.co_names)
    before = {
        name: step
        for name, step in vars(brandq.analysis).items()
        if name in called and inspect.isroutine(step) and step is not analyze
    }
    try:
        for name, step in before.items():
            setattr(brandq.analysis, name, timed(name, step))
        whole = round_s(read, tracked)
    finally:
        for name, step in before.items():
            setattr(brandq.analysis, name, step)
    spent["the rest"] = whole - sum(spent.values())
    return {name: 100 * seconds / whole for name, seconds in sorted(spent.items(), key=lambda item: -item[1])}


def say(name: str, value: object, unit: str, **more: object) -> None:
    print(json.dumps({"name": name, "value": value, "unit": unit, **more}, ensure_ascii=False), flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("paths", nargs="*", type=Path, default=[CASES], help="JSONL files, or folders of them")
    asked.add_argument("--size", type=int, default=1_000_000, help="characters of each nasty answer")
    asked.add_argument("--digest", action="store_true", help="only print what the findings come to")
    given = asked.parse_args()
    tracked, once = brands(), answers(given.paths)
    if not once:
        sys.exit("bench/analysis.py: no line of these files has a response or a text")
    if given.digest:
        print(digest(once, tracked))
        return

    read = once * -(-LEAST // len(once))
    round_s([("", "")], tracked)  # compiles the names
    first_per_s = len(once) / round_s(once, tracked)  # no head of an item was seen before
    best = min(round_s(read, tracked) for _ in range(ROUNDS))
    per_s = len(read) / best
    names = sum(len(brand.names) for brand in tracked)
    say("answers", len(once), "answers", mean_characters=round(sum(len(text) for text, _ in once) / len(once)))
    say("throughput", round(per_s), "answers/s", brands=len(tracked), names=names, goal=GOAL, met=per_s >= GOAL)
    say("throughput of the first round", round(first_per_s), "answers/s")
    for name, share in steps(read, tracked).items():
        if share >= 0.5:
            say(f"step {name}", round(share, 1), "% of the time")

    for name, shape in NASTY.items():
        text = shape(given.size)
        seconds = round_s([(text, "小米怎么样？")], tracked)
        say(f"nasty: {name}", round(seconds, 2), "s", characters=len(text), met=seconds <= GOAL_S)

    # another order of hashes is what most often makes two runs differ
    runs = {
        subprocess.run(
            [sys.executable, __file__, "--digest", *map(str, given.paths)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    say("identical findings in two processes", len(runs) == 1, "", sha256=min(runs)[:16])


if __name__ == "__main__":
    main()
