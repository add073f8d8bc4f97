#!/usr/bin/env python3
"""The planner's ledger against what the program really holds: RssAnon after the load and after many requests, above that of
the same program with a small model and next to no context. The target is 1 % or 32 MiB, whichever is more. Right after the
load the KV cache is reserved and not yet touched, so it counts only as far as requests have filled it.

  scripts/bench_ledger.py MODEL... [--requests N]

Each MODEL is a file or a name in the models folder, with a vocabulary and a chat template; the first is the small one.
"""
import argparse, subprocess, sys, time
from pathlib import Path

from peers import memory

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
BARE = ["--context-length", "64", "--batch-size", "32"]


def held(vivace, model, requests, options=()):
    """RssAnon after the load and after so many requests."""
    chat = subprocess.Popen([vivace, "chat", model, "--server", "none", "--max-tokens", "4", "--ignore-eos", *options], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in chat.stderr:
        if line.startswith("loaded"):
            break
    else:
        sys.exit(f"{model} did not load")
    time.sleep(1)
    after_load = memory.anonymous(chat.pid)
    for i in range(requests):
        chat.stdin.write("/reset\n" if i % 20 == 19 else f"Say something about the number {i}.\n")
        chat.stdin.flush()
        if i % 20 != 19:
            chat.stdout.readline()
    after_requests = memory.anonymous(chat.pid)
    chat.stdin.close()
    chat.wait()
    return after_load, after_requests


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("models", nargs="+")
    ap.add_argument("--requests", type=int, default=1000)
    ap.add_argument("--vivace", default=str(ROOT / "build/release/vivace"))
    args = ap.parse_args()
    small = args.models[0]
    idle = held(args.vivace, small, 0, BARE)[0] - memory.planned(args.vivace, small, BARE)
    print(f"{'model':32} {'ledger':>12} {'after load':>12} {'error':>12} {'after requests':>15} {'error':>12}")
    for model in args.models:
        planned = memory.planned(args.vivace, model)
        load, requests = (x - idle for x in held(args.vivace, model, args.requests))
        print(f"{Path(model).name:32} {planned / MIB:8.1f} MiB {load / MIB:8.1f} MiB {(load - planned) / MIB:+8.1f} MiB "
              f"{requests / MIB:11.1f} MiB {(requests - planned) / MIB:+8.1f} MiB")


if __name__ == "__main__":
    main()
