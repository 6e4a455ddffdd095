"""How often a nominal 95 % interval holds the truth: simulated, seeded, one line per case.

Prompts have rates of their own, drawn from a beta distribution whose spread is the intra-prompt correlation; repeats
draw from their prompt's rate. Market: the truth is the mean of that distribution, and each trial draws new prompts.
Panel: the truth is the mean of the drawn prompts themselves. The ratio is the share of voice of one brand among four.
A case under 93 % is marked `<`, one above 98 %, wider than it need be, `>`. Coverage of the comparison: two executions
of one panel, without and with a rise of ten points. 1,500 trials: ± 1.1 points at 95 %.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from brandq.measures.comparing import cochran_mantel_haenszel, risk_difference
from brandq.measures.counting import Cluster, Parts
from brandq.measures.rates import Number, market_rate, panel_rate, share

SEED = 20261124
TRIALS = 1500
PROMPTS, REPEATS = (3, 5, 10, 20, 40), (3, 5)
RATES, CORRELATIONS = (0.1, 0.3, 0.5, 0.7), (0.1, 0.4, 0.85)
#: of the brand, and of each of its three rivals, so that its share of voice is the key
VOICES = {0.1: (0.15, 0.45), 0.3: (0.45, 0.35), 0.5: (0.6, 0.2), 0.7: (0.7, 0.1)}
RISE = 0.10


class Tally:
    """How many trials' intervals held the truth, their summed widths, and how many trials had an interval."""

    def __init__(self) -> None:
        self.held = self.trials = 0
        self.width = 0.0

    def add(self, low: float, high: float, truth: float) -> None:
        self.trials += 1
        self.held += low - 1e-9 <= truth <= high + 1e-9
        self.width += high - low

    def count(self, number: Number, truth: float) -> None:
        if number.get("low") is not None:
            self.add(number["low"], number["high"], truth)

    def __str__(self) -> str:
        if not self.trials:
            return "-"
        held = 100 * self.held / self.trials
        mark = "<" if held < 93 else ">" if held > 98 else " "
        return f"{held:5.1f}{mark}±{50 * self.width / self.trials:2.0f}"


def prompt_rate(rng: random.Random, rate: float, correlation: float) -> float:
    size = 1 / correlation - 1
    return rng.betavariate(rate * size, (1 - rate) * size)


def drawn(rng: random.Random, rate: float, repeats: int) -> list[bool]:
    return [rng.random() < rate for _ in range(repeats)]


def panel_of(rng: random.Random, rates: Sequence[float], repeats: int) -> list[Cluster]:
    return [Cluster(no, sum(drawn(rng, rate, repeats)), repeats) for no, rate in enumerate(rates)]


def case(rng: random.Random, prompts: int, repeats: int, rate: float, correlation: float) -> list[Tally]:
    tallies = [Tally() for _ in range(6)]
    market, panel, market_share, panel_share, same, risen = tallies
    for _ in range(TRIALS):
        rates = [prompt_rate(rng, rate, correlation) for _ in range(prompts)]
        clusters = panel_of(rng, rates, repeats)
        market.count(market_rate(clusters, "rate"), rate)
        panel.count(panel_rate(clusters, "rate"), sum(rates) / prompts)

        ours, theirs = VOICES[rate]
        voices = [
            [prompt_rate(rng, mean, correlation) for mean in (ours, theirs, theirs, theirs)] for _ in range(prompts)
        ]
        parts = []
        for no, voice in enumerate(voices):
            answers = zip(*(drawn(rng, each, repeats) for each in voice), strict=True)
            parts.append(Parts(no, tuple((float(named[0]), float(sum(named))) for named in answers)))
        market_share.count(share(parts, "market", "share"), rate)
        every = sum(sum(voice) for voice in voices)
        if every > 0:
            panel_share.count(share(parts, "panel", "share"), sum(voice[0] for voice in voices) / every)

        before = [(cluster.k, cluster.n) for cluster in clusters]
        for tally, rise in ((same, 0.0), (risen, RISE)):
            # a rate near 1 has no room to rise: the truth is what is left of the rise
            later = [min(1.0, each + rise) for each in rates]
            after = panel_of(rng, later, repeats)
            strata = [(k, n, cluster.k, cluster.n) for (k, n), cluster in zip(before, after, strict=True)]
            _, (low, high), _ = risk_difference(strata)
            tally.add(low, high, (sum(later) - sum(rates)) / prompts)
            if not rise:
                tested = cochran_mantel_haenszel(strata)
                FALSE_ALARMS.append(tested is not None and tested[1] < 0.05)
    return tallies


FALSE_ALARMS: list[bool] = []


def main() -> None:
    rng = random.Random(SEED)
    heads = ("market rate", "panel rate", "market share", "panel share", "no change", "rise of 10")
    print("prompts repeats  icc rate | " + " | ".join(f"{head:>11}" for head in heads))
    low: dict[str, list[str]] = {head: [] for head in heads}
    for prompts in PROMPTS:
        for repeats in REPEATS:
            for correlation in CORRELATIONS:
                for rate in RATES:
                    tallies = case(rng, prompts, repeats, rate, correlation)
                    where = f"{prompts:7d} {repeats:7d} {correlation:4.2f} {rate:4.1f}"
                    print(f"{where} | " + " | ".join(f"{tally!s:>11}" for tally in tallies), flush=True)
                    for head, tally in zip(heads, tallies, strict=True):
                        if tally.trials and tally.held / tally.trials < 0.93:
                            low[head].append(" ".join(where.split()))
    for head, cases in low.items():
        print(f"{head}: {len(cases)} cases under 93 %" + (f" ({'; '.join(cases)})" if cases else ""))
    print(f"size of the test at 5 %: {100 * sum(FALSE_ALARMS) / len(FALSE_ALARMS):.1f} %")


if __name__ == "__main__":
    main()
