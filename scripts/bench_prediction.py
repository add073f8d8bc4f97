#!/usr/bin/env python3
"""How right the predictions are: a fresh data folder, `hardware --measure`, then for each model and setting what was
predicted beside what is measured, back to back. Prints a table and the median error.

  scripts/bench_prediction.py --models DIR [--case 'GLOB' ...]

Models are those of bench/peers.toml: synthetic ones are looked for in DIR and written there by --synth where missing. The
machine is measured again before each model: a shared machine's speed changes by the minute.
"""
import json, os, statistics, subprocess, sys, tempfile
from pathlib import Path

from peers import models

NAMES = ("smollm2-135m", "gemma3-270m", "1b-q4_k_m", "1b-q8_0", "1b-q4_0", "7b-q4_k_m")
# (name, prompt, generate, depth, streams)
SETTINGS = (("at the start", 512, 64, 0, 1), ("at 2048", 256, 32, 2048, 1), ("4 streams", 0, 32, 16, 4),
            ("16 streams", 0, 32, 16, 16))
MEDIAN_TARGET, WORST_TARGET = 0.10, 0.20


def parse():
    ap = models.options(__doc__)
    ap.add_argument("--repeat", type=int, default=3)
    ap.add_argument("--json", type=Path, help="also write the pairs into this file")
    return ap.parse_args()


def run(command, environment):
    done = subprocess.run([str(x) for x in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return done.stdout


def pairs_of(name, path, args):
    """(model, what, predicted, measured) of each setting."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "VIVACE_HOME": home}
        run([args.vivace, "hardware", "--measure"], environment)
        for setting, prompt, generate, depth, streams in SETTINGS:
            command = [args.vivace, "bench", path, "--prompt", prompt, "--generate", generate, "--depth", depth,
                       "--streams", streams, "--repeat", args.repeat, "--json"]
            try:
                result = json.loads(run(command, environment))
            except RuntimeError as why:
                print(f"{name} {setting}: not measured: {why}", file=sys.stderr)
                continue
            for what in ("prefill", "decode"):
                predicted = result["settings"]["predicted"][f"{what}_tokens_per_second"]
                if result[what]["tokens"] and predicted:
                    yield name, f"{what} {setting}", predicted, result[what]["tokens_per_second"]["median"]


def main():
    args = parse()
    rows = []
    print(f"{'model':14} {'what':22} {'predicted':>10} {'measured':>10} {'error':>7}")
    for name, path in models.wished(args, NAMES):
        for row in pairs_of(name, path, args):
            rows.append(row)
            print(f"{row[0]:14} {row[1]:22} {row[2]:10.1f} {row[3]:10.1f} {row[2] / row[3] - 1:+7.0%}", flush=True)
    for what in ("decode", "prefill"):
        errors = [abs(p / m - 1) for _, kind, p, m in rows if kind.startswith(what)]
        if errors:
            print(f"{what}: {len(errors)} pairs, median error {statistics.median(errors):.1%} (target {MEDIAN_TARGET:.0%}), "
                  f"worst {max(errors):.0%} (target {WORST_TARGET:.0%})")
    if args.json:
        args.json.write_text(json.dumps([dict(zip(("model", "what", "predicted", "measured"), r)) for r in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
