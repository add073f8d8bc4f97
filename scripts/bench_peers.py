#!/usr/bin/env python3
"""Measures Vivace beside llama.cpp and ik_llama.cpp, case by case, and prints one table with targets.

  scripts/bench_peers.py --peers DIR                                    all cases of bench/peers.toml
  scripts/bench_peers.py --peers DIR --cases 'prefill/1b-*' --quick     a few, roughly; nothing is kept

Runs alternate A,B,B,A; two neighbours make a pair. A pair is dropped when the machine was not ours: steal above 1 % of the
time, or other processes above 5 % of it. The result is the median of the pairs' ratios with a 90 % bootstrap interval.
Threads and page policy are the same for all; each peer runs with its best flags, found before. The machine's limits are
measured between the pairs. Results are kept in bench/results/peers-MACHINE.json case by case: what is not measured stays.
"""
import argparse, dataclasses, os, subprocess, sys
from pathlib import Path

from peers import busy, cases, load, machine, models, plot, programs, results, roof, speed

ROOT = Path(__file__).resolve().parent.parent
MEASURE = {"prefill": speed.measure, "decode": speed.measure, "busy": busy.measure, "load": load.measure_load,
           "start": load.measure_start}
ACHIEVED = {"prefill": speed.achieved, "decode": speed.achieved, "busy": busy.achieved, "load": load.achieved,
            "start": load.achieved}


@dataclasses.dataclass
class Setup:
    """What every case is measured with."""
    vivace: programs.Vivace
    peers: Path
    threads: int
    pairs: int
    repeat: int  # 0: as the case says
    quick: bool

    def limits(self, case):
        return roof.Limits(self.vivace.binary, self.threads, self.vivace.environment(case))


def parse():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--peers", type=Path, help="folder whose bin/ holds llama-bench and the others")
    ap.add_argument("--cases", nargs="+", default=["*"], metavar="GLOB", help="which of the cases, such as 'decode/*'")
    ap.add_argument("--list", action="store_true", help="print the cases and end")
    ap.add_argument("--table", action="store_true", help="print the table of the kept results, draw the plot, and end")
    ap.add_argument("--quick", action="store_true", help="3 pairs of single runs, known flags; keeps nothing")
    ap.add_argument("--pairs", type=int, help="good pairs of a case (default 7)")
    ap.add_argument("--repeat", type=int, help="measurements in a run, whose median counts (default: as the case says)")
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--vivace", type=Path, default=ROOT / "build/release/vivace")
    ap.add_argument("--models", type=Path, default=ROOT / "build/bench-models", help="folder of the model files")
    ap.add_argument("--synth", type=Path, default=ROOT / "../shared/tools/synth_gguf.py", help="program that writes synthetic models")
    ap.add_argument("--vocabulary", type=Path, help="GGUF file with a vocabulary for a synthetic model "
                                                    "(default PEERS/llama.cpp/models/ggml-vocab-llama-spm.gguf)")
    ap.add_argument("--definitions", type=Path, default=ROOT / "bench/peers.toml")
    ap.add_argument("--json", type=Path, default=ROOT / f"bench/results/peers-{machine.short_name(machine.cpu())}.json",
                    help="the kept results (default: bench/results/peers- and this machine's name)")
    ap.add_argument("--svg", type=Path, default=ROOT / "docs/images/speed.svg")
    args = ap.parse_args()
    for name in ("peers", "vivace", "models"):  # programs run in another folder
        setattr(args, name, getattr(args, name) and getattr(args, name).resolve())
    if not args.peers and not (args.list or args.table):
        ap.error("--peers says where the peers are; scripts/build_peers.sh builds them")
    return args


def vivace_version(binary):
    """The program's version and, where git knows it, the commit."""
    version = programs.run_text([binary, "--version"]).strip()
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return f"{version} ({commit.stdout.strip()})" if commit.returncode == 0 else version


def achieved(case, result):
    return ACHIEVED[case.measure](result)


def measure_one(case, model, setup, before):
    """The case's result; None, with the reason printed, where there is none."""
    peers = programs.peers_for(case, setup.peers)
    if not peers:
        print(f"{case.name}: none of {', '.join(case.peers)} is in {setup.peers}/bin", file=sys.stderr)
        return None
    models.warm(model)
    try:
        result = MEASURE[case.measure](case, model, peers, setup, before)
    except programs.Refused as why:
        print(f"{case.name}: not measured: {why}", file=sys.stderr)
        return None
    if not result:
        print(f"{case.name}: no result: every pair was dropped (the machine is busy) or no peer runs it", file=sys.stderr)
    return result


def measure_all(args, chosen, table, kept):
    """Measures the cases one after the other; returns the results of this call."""
    setup = Setup(programs.Vivace(args.vivace), args.peers, args.threads, args.pairs or (3 if args.quick else 7),
                  args.repeat or (1 if args.quick else 0), args.quick)
    vocabulary = args.vocabulary or args.peers / "llama.cpp/models/ggml-vocab-llama-spm.gguf"
    store = models.Models(table, args.models, args.synth, vocabulary)
    version = vivace_version(args.vivace)
    now = {"cases": {}}
    paths = {case.model: store.path(case.model) for case in chosen}  # all before the first is measured
    for case in chosen:
        result = measure_one(case, paths[case.model], setup, kept["cases"].get(case.name))
        if not result:
            continue
        now["cases"][case.name] = result
        print(results.table([case], now, achieved).split("\n", 2)[2], flush=True)
        if not args.quick:
            results.keep(args.json, kept, case, result, version, args.threads)
    return now


def main():
    args = parse()
    every, table, groups = cases.read_cases(args.definitions)
    chosen = cases.choose(every, args.cases)
    kept = results.read(args.json)
    if args.list:
        print("\n".join(case.name for case in chosen))
        return
    now = kept if args.table else measure_all(args, chosen, table, kept)
    print("\n" + results.table(chosen, now, achieved))
    if not args.quick:
        args.svg.parent.mkdir(parents=True, exist_ok=True)
        args.svg.write_text(plot.draw(groups, kept) + "\n")


if __name__ == "__main__":
    main()
