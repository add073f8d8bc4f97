#!/usr/bin/env python3
"""Measures Vivace against llama.cpp and ik_llama.cpp side by side and prints one table.

  scripts/bench_peers.py --peers DIR MODEL.gguf [MODEL.gguf ...]

DIR/bin holds llama-bench and, if it is to be measured, ik-llama-bench. Runs alternate A,B,B,A; two neighbours make a pair.
A pair is dropped when the machine was not ours: steal above 1 % of the time, or other processes above 5 % of it. The result
is the median of the pairs' ratios with a 90 % bootstrap interval. Each peer runs with its best flags, found before: -fa 0/1
and the file mapped or not (ik_llama.cpp also -rtr 0/1); threads are the same. Writes all of it as JSON (--json) and a plot (--svg).
"""
import argparse, datetime, itertools, json, os, platform, random, resource, statistics, subprocess, sys
from pathlib import Path

TESTS = ("prefill", "decode")


class Machine:
    """CPU time of the whole machine and of our children, to tell whether anybody else was running."""

    def __init__(self):
        self.cpus, self.steal, self.busy = os.cpu_count(), 0, 0
        self.start = self.read()

    @staticmethod
    def read():
        fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        tick = os.sysconf("SC_CLK_TCK")
        return {"total": sum(fields[:8]) / tick, "idle": (fields[3] + fields[4]) / tick, "steal": fields[7] / tick,
                "own": own.ru_utime + own.ru_stime}

    def foreign(self):
        """(steal, others) since the last call, as shares of the machine's time."""
        now, then = self.read(), self.start
        self.start = now
        d = {k: now[k] - then[k] for k in now}
        total = max(d["total"], 1e-9)
        return d["steal"] / total, max(0.0, (d["total"] - d["idle"] - d["steal"] - d["own"]) / total)


def run_json(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return json.loads(done.stdout)


def run_vivace(args, model, _flags):
    out = run_json([args.vivace, "bench", str(model), "--prompt", str(args.prompt), "--generate", str(args.generate),
                    "--repeat", str(args.repeat), "--threads", str(args.threads), "--json"])
    return {t: out[t]["tokens_per_second"]["median"] for t in TESTS}


def run_llama(binary):
    def run(args, model, flags):
        rows = run_json([str(binary), "-m", str(model), "-p", str(args.prompt), "-n", str(args.generate), "-r",
                         str(args.repeat), "-t", str(args.threads), "-o", "json", *flags])
        speed = lambda row: statistics.median(row.get("samples_ts") or [row["avg_ts"]])
        return {"prefill": next(speed(r) for r in rows if r["n_prompt"] and not r["n_gen"]),
                "decode": next(speed(r) for r in rows if r["n_gen"] and not r["n_prompt"])}
    return run


def best_flags(args, name, run, model):
    """The flags that make the product of both speeds highest; one quick run each."""
    own = [("-mmp", "01"), ("-rtr", "01")] if name.startswith("ik") else [("-lm", ("none", "mmap"))]
    choices = [("-fa", "01"), *own]
    tried = {}
    for values in itertools.product(*(v for _, v in choices)):
        flags = tuple(x for (flag, _), value in zip(choices, values) for x in (flag, value))
        try:
            speeds = run(args, model, flags)
            tried[flags] = speeds["prefill"] * speeds["decode"]
        except (subprocess.CalledProcessError, StopIteration, ValueError):
            continue  # a combination this build refuses
    if not tried:
        sys.exit(f"{name} ran with none of its flags on {model}")
    return max(tried, key=tried.get)


def interval(ratios, rounds=2000):
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(rounds))
    return medians[rounds // 20], medians[-rounds // 20 - 1]


def compare(args, model, name, run):
    flags = best_flags(args, name, run, model)
    pairs, dropped, turn, machine = [], 0, 0, Machine()
    while len(pairs) < args.pairs and dropped <= 3 * args.pairs:
        order = ((run_vivace, 0), (run, 1)) if turn % 2 == 0 else ((run, 1), (run_vivace, 0))
        turn += 1
        machine.foreign()
        speeds = [None, None]
        for runner, place in order:
            speeds[place] = runner(args, model, flags)
        steal, others = machine.foreign()
        if steal > 0.01 or others > 0.05:
            dropped += 1
            continue
        pairs.append({"vivace": speeds[0], "peer": speeds[1], "steal": round(steal, 4), "others": round(others, 4)})
        print(f"\r{model.name}: {name} {len(pairs)}/{args.pairs} pairs, {dropped} dropped ", end="", file=sys.stderr)
    print(file=sys.stderr)
    rows = []
    for test in TESTS if pairs else ():
        ratios = [p["vivace"][test] / p["peer"][test] for p in pairs]
        low, high = interval(ratios)
        rows.append({"model": model.name, "peer": name, "flags": " ".join(flags), "test": test, "pairs": len(pairs),
                     "dropped": dropped, "vivace": statistics.median(p["vivace"][test] for p in pairs),
                     "peer_speed": statistics.median(p["peer"][test] for p in pairs),
                     "ratio": statistics.median(ratios), "ratio_low": low, "ratio_high": high})
    return rows, pairs


def table(rows):
    lines = ["| model | test | Vivace t/s | peer | its t/s | ratio | 90 % interval | pairs |", "|---|---|---:|---|---:|---:|---|---:|"]
    for r in rows:
        lines.append(f"| {r['model'].removesuffix('.gguf')} | {r['test']} | {r['vivace']:.0f} | {r['peer']} ({r['flags']}) | "
                     f"{r['peer_speed']:.0f} | {r['ratio']:.2f} | {r['ratio_low']:.2f}–{r['ratio_high']:.2f} | {r['pairs']} |")
    return "\n".join(lines)


def plot(rows):
    """Bars of the ratios; 1.0 is the peer."""
    width, left, bar = 760, 330, 26
    longest = max(r["ratio_high"] for r in rows)
    scale = (width - left - 70) / longest
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bar * len(rows) + 60}" font-family="sans-serif" '
           f'font-size="13"><rect width="100%" height="100%" fill="#ffffff"/><text x="10" y="22" font-size="15" '
           f'fill="#111">Speed of Vivace as a multiple of the peer (same machine, same file)</text>']
    for i, r in enumerate(rows):
        y = 38 + i * bar
        colour = "#2f6fdb" if r["test"] == "prefill" else "#17a673"
        label = f"{r['model'].removesuffix('.gguf')}, {r['test']}, {r['peer']}"
        out.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end" fill="#333">{label}</text>'
                   f'<rect x="{left}" y="{y}" width="{r["ratio"] * scale:.1f}" height="{bar - 8}" fill="{colour}"/>'
                   f'<text x="{left + r["ratio"] * scale + 6:.1f}" y="{y + 14}" fill="#111">{r["ratio"]:.2f}×</text>')
    x = left + scale
    out.append(f'<line x1="{x:.1f}" y1="32" x2="{x:.1f}" y2="{38 + bar * len(rows)}" stroke="#c0392b" stroke-dasharray="4 3"/>'
               f'<text x="{x:.1f}" y="{52 + bar * len(rows)}" text-anchor="middle" fill="#c0392b">the peer</text></svg>')
    return "\n".join(out)


def machine_facts():
    cpu = next((l.split(":", 1)[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines() if l.startswith("model name")), "")
    pages = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return {"cpu": cpu, "cpus": os.cpu_count(), "system": platform.platform(),
            "huge_pages": pages.read_text().strip() if pages.exists() else "unknown",
            "date": datetime.date.today().isoformat()}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("models", nargs="+", type=Path)
    ap.add_argument("--peers", type=Path, required=True, help="folder with bin/llama-bench")
    ap.add_argument("--vivace", default="build/release/vivace")
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--prompt", type=int, default=512)
    ap.add_argument("--generate", type=int, default=64)
    ap.add_argument("--repeat", type=int, default=3, help="measurements in a run, whose median counts")
    ap.add_argument("--pairs", type=int, default=8)
    ap.add_argument("--json", type=Path)
    ap.add_argument("--svg", type=Path)
    args = ap.parse_args()
    peers = [(n, run_llama(b)) for n, b in (("llama.cpp", args.peers / "bin/llama-bench"),
                                            ("ik_llama.cpp", args.peers / "bin/ik-llama-bench")) if b.exists()]
    if not peers:
        sys.exit(f"no llama-bench in {args.peers}/bin: build llama.cpp there first")
    rows, runs = [], []
    for model in args.models:
        for name, run in peers:
            more, pairs = compare(args, model, name, run)
            rows += more
            runs.append({"model": model.name, "peer": name, "pairs": pairs})
    if not rows:
        sys.exit("every pair was dropped: the machine is busy")
    print(table(rows))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"schema": 1, "machine": machine_facts(), "threads": args.threads, "rows": rows, "runs": runs}, indent=1) + "\n")
    if args.svg:
        args.svg.parent.mkdir(parents=True, exist_ok=True)
        args.svg.write_text(plot(rows) + "\n")


if __name__ == "__main__":
    main()
