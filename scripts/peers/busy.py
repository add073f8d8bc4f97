"""Decode beside a busy process: windows of about ten seconds, idle and busy in turns, all programs in each."""
import dataclasses, shutil, statistics, subprocess, sys

from . import pairs
from .machine import Watch

WINDOW_SECONDS, WINDOWS = 10, 5
BUSY = ("stress-ng", "--quiet", "--cpu", "1", "--cpu-method", "int64")  # where it runs is the system's choice


class BusyProcess:
    """One process that computes all the time, unless it is idle's turn."""

    def __init__(self, busy):
        self.busy = busy

    def __enter__(self):
        self.process = subprocess.Popen(BUSY) if self.busy else None

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait()


def measure(case, model, peers, setup, before):
    if not shutil.which(BUSY[0]):
        raise pairs.Refused(f"it needs {BUSY[0]}: apt-get install {BUSY[0]}")
    alone = dataclasses.replace(case, measure="decode", statistic="mean")
    chosen = [(peer, found[0]) for peer in peers if (found := pairs.best_flags(peer, alone, model, setup.threads))]
    runs = {"vivace": lambda repeat: setup.vivace.speed(alone, model, setup.threads, repeat)}
    for peer, flags in chosen:
        runs[peer.name] = lambda repeat, peer=peer, flags=flags: peer.speed(alone, model, setup.threads, repeat, flags)
    repeat = {name: max(1, round(WINDOW_SECONDS * run(1) / case.tokens)) for name, run in runs.items()}
    speeds = {name: {"idle": [], "busy": []} for name in runs}
    windows, dropped, watch = 2 if setup.quick else WINDOWS, 0, Watch()
    while len(speeds["vivace"]["busy"]) < windows and dropped <= windows:
        watch.foreign()
        turn = {}
        for state in ("idle", "busy"):
            for name, run in runs.items():
                with BusyProcess(state == "busy"):
                    turn[name, state] = run(repeat[name])
        if watch.disturbed():
            dropped += 1
            continue
        for (name, state), speed in turn.items():
            speeds[name][state].append(speed)
        print(f"\r{case.name}: {len(speeds['vivace']['busy'])}/{windows} windows ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return result(speeds, chosen, dropped) if speeds["vivace"]["busy"] else None


def result(speeds, chosen, dropped):
    own = speeds["vivace"]
    shares = [busy / idle for busy, idle in zip(own["busy"], own["idle"])]
    rows = []
    for peer, flags in chosen:
        theirs = speeds[peer.name]
        rows.append({"peer": peer.name, "version": peer.version, "flags": " ".join(flags),
                     **pairs.summary(list(zip(own["busy"], theirs["busy"])), dropped),
                     "own_idle": statistics.median(b / i for b, i in zip(theirs["busy"], theirs["idle"]))})
    best = min(rows, key=lambda row: row["ratio"])
    return {"unit": "tokens/s", "ours": statistics.median(own["busy"]), "best_peer": best["peer"], "peers": rows,
            "own_idle": statistics.median(shares), "own_idle_interval": pairs.interval(shares)}


def achieved(result):
    figures = {row["peer"]: row["ratio"] for row in result["peers"]}
    return {**figures, "best": min(figures.values()), "own_idle": result["own_idle"]}
