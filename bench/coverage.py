"""How often a nominal 95 % interval holds the truth, by simulation: prompts differ, repeats of one prompt resemble.

A prompt's own rate is drawn from a beta distribution with the mean p and the intra-prompt correlation icc, its answers
from that rate. Market: the truth is p, and each run draws new prompts. Panel: the truth is the mean of the rates that
the prompts at hand have. Share: the brand's mentions over those of all brands, whose number varies. Seeded, so that it
prints the same every time. One JSON object per line; ``covered`` in percent.
"""

from __future__ import annotations

import json
from random import Random

from brandq.analysis.counting import Cluster, Parts
from brandq.analysis.measures import Number, market_rate, panel_rate, share

RUNS = 1000
PROMPTS = (5, 10, 20, 40)
REPEATS = (3, 5)
RATES = (0.1, 0.3, 0.5, 0.7)
CORRELATIONS = (0.1, 0.4, 0.85)


def rates(dice: Random, prompts: int, mean: float, icc: float) -> list[float]:
    size = (1 - icc) / icc
    return [dice.betavariate(mean * size, (1 - mean) * size) for _ in range(prompts)]


def clusters(dice: Random, drawn: list[float], repeats: int) -> list[Cluster]:
    return [
        Cluster(number, sum(dice.random() < rate for _ in range(repeats)), repeats)
        for number, rate in enumerate(drawn, start=1)
    ]


def parts(dice: Random, drawn: list[float], repeats: int) -> list[Parts]:
    """One brand beside others: each answer names 1 to 4 others, whatever it says of the brand."""
    return [
        Parts(number, tuple(_voices(dice, rate) for _ in range(repeats))) for number, rate in enumerate(drawn, start=1)
    ]


def _voices(dice: Random, rate: float) -> tuple[float, float]:
    own = float(dice.random() < rate)
    return own, own + dice.randint(1, 4)


def holds(number: Number, truth: float) -> bool:
    return number["low"] <= truth <= number["high"]


def main() -> None:
    for prompts in PROMPTS:
        for repeats in REPEATS:
            for mean in RATES:
                for icc in CORRELATIONS:
                    _cell(prompts, repeats, mean, icc)


def _cell(prompts: int, repeats: int, mean: float, icc: float) -> None:
    dice = Random(f"{prompts} {repeats} {mean} {icc}")
    covered = {"market rate": 0, "panel rate": 0, "market share": 0}
    # in the long run an answer names the brand with probability p, and two and a half others
    voice = mean / (mean + 2.5)
    for _ in range(RUNS):
        drawn = rates(dice, prompts, mean, icc)
        answers = clusters(dice, drawn, repeats)
        covered["market rate"] += holds(market_rate(answers, "rate"), mean)
        covered["panel rate"] += holds(panel_rate(answers, "rate"), sum(drawn) / prompts)
        covered["market share"] += holds(share(parts(dice, drawn, repeats), "market", "share"), voice)
    percent = {name: round(100 * count / RUNS, 1) for name, count in covered.items()}
    print(json.dumps({"prompts": prompts, "repeats": repeats, "p": mean, "icc": icc, "covered": percent}), flush=True)


if __name__ == "__main__":
    main()
