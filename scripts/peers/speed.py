"""Cases whose result is a speed: prefill and decode, of one sequence or many, from an empty context or a full one."""
import sys

from . import pairs
from .roof import inspect, speed_limit

MOSTLY_BEST = {"-fa": ("1", "on"), "-lm": ("none",), "-mmp": ("0",), "-rtr": ("1",)}
NEAR = 0.9  # peers slower than this share of the best one's try are no contenders


def quick_flags(peer, case, known):
    """The flags found at the last full measurement; else the combination that is mostly best."""
    if known:
        return tuple(known.split())
    return next(flags for flags in peer.combinations(case)
                if all(value in MOSTLY_BEST[flag] for flag, value in zip(flags[::2], flags[1::2])))


def contenders(case, peers, model, threads, quick, before):
    """[(peer, flags)] of those worth pairs: the ones a target names, and whoever is near the best try."""
    if quick:
        known = {row["peer"]: row["flags"] for row in (before or {}).get("peers", [])}
        return [(peer, quick_flags(peer, case, known.get(peer.name))) for peer in peers]
    tries = [(peer, pairs.best_flags(peer, case, model, threads)) for peer in peers]
    tries = [(peer, *found) for peer, found in tries if found]
    best = max((speed for _, _, speed in tries), default=0)
    return [(peer, flags) for peer, flags, speed in tries if peer.name in case.targets or speed >= NEAR * best]


def measure(case, model, peers, setup, before):
    """The result of the case: a row for each peer, the best of them, share of the roof."""
    limits, repeat, rows = setup.limits(case), setup.repeat or case.repeat, []
    for peer, flags in contenders(case, peers, model, setup.threads, setup.quick, before):
        def ours():
            return setup.vivace.speed(case, model, setup.threads, repeat)

        def theirs():
            return peer.speed(case, model, setup.threads, repeat, flags)

        def say(text):
            print(f"\r{case.name}: {peer.name} {text} ", end="", file=sys.stderr, flush=True)

        try:
            good, dropped = pairs.alternate(setup.pairs, ours, theirs, limits.sample, say)
        except pairs.Refused as why:
            print(f"\n{case.name}: {why}", file=sys.stderr)
            continue
        print(file=sys.stderr)
        if good:
            rows.append({"peer": peer.name, "version": peer.version, "flags": " ".join(flags), **pairs.summary(good, dropped)})
    if not rows:
        return None
    best = min(rows, key=lambda row: row["ratio"])
    roof = speed_limit(inspect(setup.vivace.binary, model), case, limits)
    return {"unit": "tokens/s", "ours": best["ours"], "best_peer": best["peer"], "peers": rows, "roof": roof,
            "roof_share": best["ours"] / roof if roof else None, "limits": limits.summary()}


def achieved(result):
    """The figures that targets speak of."""
    figures = {row["peer"]: row["ratio"] for row in result["peers"]}
    figures["best"] = min(figures.values())
    if result["roof_share"]:
        figures["roof"] = result["roof_share"]
    return figures
