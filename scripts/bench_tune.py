#!/usr/bin/env python3
"""Whether `vivace tune` finds what a search of everything finds: its choice beside the three fastest of a grid over its
levers, measured again in turns (A,B,B,A). The target is 0.97 of the fastest, within 60 s for up to 1B and 180 s for a 7B.

  scripts/bench_tune.py --models DIR [--case 'GLOB' ...] [--pairs N]

Models are those of bench/peers.toml, as for bench_prediction.py. The work is that of `--for chat`: a prompt of 512 tokens, an
answer of 128 behind it.
"""
import itertools, json, os, subprocess, sys, tempfile

from peers import models, pairs

NAMES = {"smollm2-135m": 60, "1b-q4_k_m": 60, "7b-q4_k_m": 180}  # and the seconds that tuning may take
PROMPT, GENERATE, MEASURED, CONTEXT = 512, 128, 32, 4096
LEVERS = ("threads", "threads-prefill", "batch-size", "kv-type")
TARGET = 0.97


class Bench:
    def __init__(self, program, model, home):
        self.program, self.model = program, model
        self.environment = {**os.environ, "VIVACE_HOME": home}

    def run(self, *command):
        done = subprocess.run([str(x) for x in (self.program, *command)], capture_output=True, text=True, env=self.environment)
        if done.returncode != 0:
            sys.exit((done.stderr.strip().splitlines() or ["no message"])[-1])
        return json.loads(done.stdout)

    def speed(self, what, repeat, options):
        shape = (PROMPT, 0, 0) if what == "prefill" else (0, MEASURED, PROMPT)
        flags = [part for name, value in options.items() for part in ("--" + name, value)]
        result = self.run("bench", self.model, "--prompt", shape[0], "--generate", shape[1], "--depth", shape[2], "--repeat", repeat,
                          "--context-length", CONTEXT, *flags, "--json")
        return result[what]["tokens_per_second"]["median"]

    def seconds(self, choice, repeat=1):
        """Of reading the prompt and writing the answer."""
        decode = self.speed("decode", repeat, {k: choice[k] for k in ("threads", "kv-type")})
        prefill = self.speed("prefill", repeat, {k: choice[k] for k in ("threads-prefill", "batch-size", "kv-type")})
        return PROMPT / prefill + GENERATE / decode


def grid(bench, threads):
    """All choices with their seconds, fastest first. What a lever does not touch is not measured again for it."""
    batches, types = (64, 128, 256, 512), ("f16", "q8_0")
    decode = {(t, kv): bench.speed("decode", 3, {"threads": t, "kv-type": kv}) for t in threads for kv in types}
    prefill = {(t, b, kv): bench.speed("prefill", 3, {"threads-prefill": t, "batch-size": b, "kv-type": kv})
               for t in threads for b in batches for kv in types}
    all_choices = []
    for t, p, b, kv in itertools.product(threads, threads, batches, types):
        all_choices.append((PROMPT / prefill[p, b, kv] + GENERATE / decode[t, kv], dict(zip(LEVERS, (t, p, b, kv)))))
    return sorted(all_choices, key=lambda pair: pair[0])


def main():
    ap = models.options(__doc__)
    ap.add_argument("--pairs", type=int, default=7)
    args = ap.parse_args()
    threads = range(1, len(os.sched_getaffinity(0)) + 1)
    for name, path in models.wished(args, NAMES):
        with tempfile.TemporaryDirectory() as home:
            bench = Bench(args.vivace, path, home)
            profile = bench.run("tune", path, "--for", "chat", "--context-length", CONTEXT, "--budget", NAMES[name], "--dry-run", "--json")
            ours = {lever["name"]: lever["after"] for lever in profile["levers"]}
            print(f"{name}: tuned in {profile['seconds']:.0f} s (at most {NAMES[name]}): "
                  + ", ".join(f"{k} {v}" for k, v in ours.items()), flush=True)
            for seconds, choice in grid(bench, threads)[:3]:
                theirs = {k: str(v) for k, v in choice.items()}
                shown = ", ".join(f"{k} {v}" for k, v in theirs.items())
                if theirs == ours:
                    print(f"  the grid's {shown}: {seconds:.3f} s, the same choice", flush=True)
                    continue
                good, dropped = pairs.alternate(args.pairs, lambda: bench.seconds(ours), lambda: bench.seconds(theirs), lambda: None,
                                                lambda line: print(f"\r  {line}  ", end="", file=sys.stderr, flush=True))
                if not good:
                    sys.exit("no pair was undisturbed")
                result = pairs.summary([(b, a) for a, b in good], dropped)
                print(f"\n  the grid's {shown}: {seconds:.3f} s; the tuned choice's speed is {result['ratio']:.3f} of its "
                      f"({result['ratio_low']:.3f} to {result['ratio_high']:.3f}, {result['pairs']} pairs, target {TARGET})", flush=True)


if __name__ == "__main__":
    main()
