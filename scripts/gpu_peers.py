#!/usr/bin/env python3
"""The speed of a model on a GPU beside llama.cpp's: pairs A,B,B,A, the median of their ratios with its 90 % interval.
Adds "peer" to the report of vivace-gpu-check and prints a table."""
import argparse, json, pathlib, statistics, subprocess, tempfile

from peers.pairs import interval

# Our figure, and what asks llama.cpp for the same: a program and its arguments, the field of its rows.
TESTS = {
    "decode 128, t/s": ("llama-bench", ["-p", "0", "-n", "128"], "avg_ts"),
    "prefill 512, t/s": ("llama-bench", ["-p", "512", "-n", "0"], "avg_ts"),
    "prefill 4096, t/s": ("llama-bench", ["-p", "4096", "-n", "0", "-ub", "2048", "-b", "2048"], "avg_ts"),
    "decode 128, 16 streams, t/s": ("llama-batched-bench", ["-npp", "16", "-ntg", "128", "-npl", "16", "-c", "4096"], "speed_tg"),
}


def ours(program, device, model):
    """Every figure of one run of the speed section."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        subprocess.run([program, "--sections", "speed", "--bench-model", model, "--json", report.name,
                        *(["--device", device] if device else [])], check=True, stderr=subprocess.DEVNULL)
        return json.load(report)["sections"]["speed"]["figures"]


def theirs(folder, model):
    figures = {}
    for name, (program, arguments, field) in TESTS.items():
        batched = program == "llama-batched-bench"
        flags = ["-fa", "on" if batched else "1", "-ngl", "99"]
        flags += ["--output-format", "jsonl"] if batched else ["-o", "jsonl", "-r", "3"]
        done = subprocess.run([str(folder / program), "-m", model, *arguments, *flags], check=True, capture_output=True,
                              text=True)
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        figures[name] = rows[-1][field]
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--program", "--peer", "--model", "--report"):
        parser.add_argument(name, required=True)
    parser.add_argument("--device", default="")
    parser.add_argument("--pairs", type=int, default=8)
    options = parser.parse_args()
    peer = pathlib.Path(options.peer)
    pairs = []
    for i in range(options.pairs):  # A,B then B,A
        runs = [lambda: ours(options.program, options.device, options.model), lambda: theirs(peer, options.model)]
        if i % 2 == 0:
            a, b = runs[0](), runs[1]()
        else:
            b, a = runs[1](), runs[0]()
        pairs.append((a, b))
    result = {}
    for name in TESTS:
        ratios = [a[name] / b[name] for a, b in pairs]
        low, high = interval(ratios)
        result[name] = {"vivace": statistics.median(a[name] for a, _ in pairs),
                        "llama.cpp": statistics.median(b[name] for _, b in pairs),
                        "ratio": statistics.median(ratios), "interval": [low, high], "pairs": len(pairs)}
        print(f"{name:32} {result[name]['vivace']:9.1f} {result[name]['llama.cpp']:9.1f} "
              f"{result[name]['ratio']:6.2f} ({low:.2f}-{high:.2f})")
    path = pathlib.Path(options.report)
    report = json.loads(path.read_text())
    report["peer"] = result
    path.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
