"""Two programs side by side: A,B,B,A, pairs in which the machine was not ours are dropped, median of the pairs' ratios."""
import random, statistics, sys

from .machine import Watch
from .programs import Refused


def interval(values, rounds=2000):
    """The 90 % bootstrap interval of the median."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(rounds))
    return medians[rounds // 20], medians[-rounds // 20 - 1]


def best_flags(peer, case, model, threads):
    """(flags, speed) of the peer's fastest combination, one run of each; None where it can't do the case at all."""
    tried, reasons = {}, []
    for flags in peer.combinations(case):
        try:
            tried[flags] = peer.speed(case, model, threads, 1, flags)
        except (Refused, ValueError, KeyError, StopIteration) as why:
            reasons.append(str(why))
    if not tried:
        print(f"{case.name}: {peer.name} does not run it: {reasons[-1]}", file=sys.stderr)
        return None
    return max(tried.items(), key=lambda item: item[1])


def alternate(pairs, ours, theirs, between, say):
    """Runs both until `pairs` pairs are good or three times as many were bad; returns ([(ours, theirs)], dropped)."""
    good, dropped, turn, watch = [], 0, 0, Watch()
    while len(good) < pairs and dropped <= 3 * pairs:
        between()
        watch.foreign()
        first, second = (ours, theirs) if turn % 2 == 0 else (theirs, ours)
        results = {first: first(), second: second()}
        turn += 1
        disturbance = watch.disturbed()
        if disturbance:
            dropped += 1
        else:
            good.append((results[ours], results[theirs]))
        say(f"{len(good)}/{pairs} pairs, {dropped} dropped" + (f" ({disturbance})" if disturbance else ""))
    return good, dropped


def summary(good, dropped):
    """Medians of both sides and of their ratio."""
    ratios = [a / b for a, b in good]
    low, high = interval(ratios)
    return {"pairs": len(good), "dropped": dropped, "ours": statistics.median(a for a, _ in good),
            "theirs": statistics.median(b for _, b in good), "ratio": statistics.median(ratios), "ratio_low": low,
            "ratio_high": high, "runs": [[round(a, 4), round(b, 4)] for a, b in good]}
