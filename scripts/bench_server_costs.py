#!/usr/bin/env python3
"""Measures what serving costs beside the engine alone, and what its settings change, and prints one table.

  scripts/bench_server_costs.py                            everything
  scripts/bench_server_costs.py --cases 'mask/*' --pairs 3

cpu      CPU seconds of the server's process per token of one stream, beside `vivace bench` of the same model; load and prompt
         cancel out, since both are runs of 192 tokens less runs of 64
mask     tokens per second of an answer that keeps to a JSON schema, beside one that keeps to nothing
batch    16 clients with prompts of 1,000 tokens at several --batch-size: tokens per second of all (prompt and answer), the
         longest waits for the next word (p99), the most memory held beside the plan's, and the speed of `auto` over each other
         size's in the same round
"""
import http.client, json, resource, statistics, subprocess, sys
from pathlib import Path

from bench_server_peers import CLIENTS, ROOT, Server, drive, free_port, options, ours, run_cases
from peers import pairs

SHORT, LONG = 64, 192  # tokens
BATCHES = ["128", "512", "1024", "2048", "auto"]
SCHEMA = {"type": "array", "minItems": 60, "items": {"type": "object", "required": ["name", "count"], "additionalProperties": False,
          "properties": {"name": {"type": "string"}, "count": {"type": "integer"}}}}


def post(server, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status != 200:
        sys.exit(f"{path}: {answer}")
    return answer


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def server_cpu(args, model):
    """CPU seconds per token."""
    with ours(args, model, 1, 512) as server:
        def spent(tokens):
            before = cpu_seconds(server.process.pid)
            post(server, "/v1/completions", {"prompt": "one two three", "max_tokens": tokens, "temperature": 0, "ignore_eos": True})
            return cpu_seconds(server.process.pid) - before
        spent(8)
        return (spent(LONG) - spent(SHORT)) / (LONG - SHORT)


def engine_cpu(args, model):
    def spent(tokens):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([args.vivace, "bench", model, "--prompt", "0", "--generate", str(tokens), "--repeat", "1", "--parallel", "1",
                        "--context-length", "512", "--json"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # One run that warms up and one that counts, each of so many tokens.
    return (spent(LONG) - spent(SHORT)) / (2 * (LONG - SHORT))


def cpu(args, model, say):
    good, dropped = pairs.alternate(args.pairs, lambda: server_cpu(args, model), lambda: engine_cpu(args, model), lambda: None, say)
    return pairs.summary(good, dropped)


def answer_speed(args, model, shape):
    """Tokens per second, by a server of its own: only what has ended is known not to be foreign load."""
    body = {"messages": [{"role": "user", "content": "List sixty things."}], "max_tokens": 400, "temperature": 0, **shape}
    with ours(args, model, 1, 2048) as server:
        post(server, "/api/v0/chat/completions", {**body, "max_tokens": 50})
        return post(server, "/api/v0/chat/completions", body)["stats"]["tokens_per_second"]


def mask(args, model, say):
    kept = {"response_format": {"type": "json_schema", "json_schema": {"name": "things", "schema": SCHEMA}}}
    good, dropped = pairs.alternate(args.pairs, lambda: answer_speed(args, model, kept),
                                    lambda: answer_speed(args, model, {"ignore_eos": True}), lambda: None, say)
    return pairs.summary(good, dropped)


def held_bytes(pid):
    for row in Path(f"/proc/{pid}/status").read_text().splitlines():
        if row.startswith("RssAnon:"):
            return int(row.split()[1]) * 1024
    return 0


def planned_bytes(server):
    """Of the host, as the loaded model's plan has them."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/metrics")
    rows = connection.getresponse().read().decode().splitlines()
    return sum(float(row.rsplit(" ", 1)[1]) for row in rows if row.startswith("vivace_planned_bytes"))


def batch_once(args, model, size, idle):
    with ours(args, model, CLIENTS, 1280, "--batch-size", size) as server:
        told = drive(args, server, CLIENTS, args.requests, 1000, 64)
        return {"tokens_per_second": told["tokens_per_second"], "gap_p99": told["gap_seconds"]["p99"],
                "first_token_p95": told["time_to_first_token_seconds"]["p95"],
                "held_bytes": held_bytes(server.process.pid) - idle, "planned_bytes": planned_bytes(server)}


def idle_bytes(args):
    """What a server without a model holds."""
    port = free_port()
    with Server([args.vivace, "serve", "--port", port], port) as server:
        return held_bytes(server.process.pid)


def batch(args, model, say):
    """The settings there and back again, so that drift meets all alike."""
    idle = idle_bytes(args)
    runs = {size: [] for size in BATCHES}
    for i in range(args.pairs):
        for size in BATCHES if i % 2 == 0 else BATCHES[::-1]:
            runs[size].append(batch_once(args, model, size, idle))
            say(f"{i + 1}: --batch-size {size}")
    rows = {size: {name: statistics.median(run[name] for run in each) for name in each[0]} for size, each in runs.items()}
    for size, each in runs.items():  # of the same round, so that the machine was the same
        ratios = [auto["tokens_per_second"] / run["tokens_per_second"] for auto, run in zip(runs["auto"], each)]
        rows[size]["auto_ratio"] = [statistics.median(ratios), *pairs.interval(ratios)]
    return rows


MEASURE = {"cpu": cpu, "mask": mask, "batch": batch}
CASES = ["cpu/1b-q4_k_m-text", "mask/smollm2-135m", "batch/smollm2-135m", "batch/1b-q4_k_m-text"]


def auto_text(size, row):
    return "" if size == "auto" or "auto_ratio" not in row else "; auto's speed is {:.3f} of it ({:.3f}–{:.3f})".format(*row["auto_ratio"])


def lines(name, r):
    if name.startswith("cpu"):
        return [f"| {name} | {r['ours'] * 1e3:.2f} ms of CPU per token served | {r['theirs'] * 1e3:.2f} ms by the engine alone | "
                f"{r['ratio']:.3f} ({r['ratio_low']:.3f}–{r['ratio_high']:.3f}) |"]
    if name.startswith("mask"):
        return [f"| {name} | {r['ours']:.0f} t/s by a schema | {r['theirs']:.0f} t/s free | "
                f"{r['ratio']:.3f} ({r['ratio_low']:.3f}–{r['ratio_high']:.3f}) |"]
    return [f"| {name}, --batch-size {size} | {row['tokens_per_second']:.0f} t/s, p99 gap {row['gap_p99'] * 1e3:.0f} ms | first token p95 "
            f"{row['first_token_p95']:.1f} s | {row['held_bytes'] / 2**20:.0f} MiB held, {row['planned_bytes'] / 2**20:.0f} planned{auto_text(size, row)} |"
            for size, row in r.items() if size != "machine"]


def main():
    ap = options(__doc__, 1, "server-costs")
    ap.add_argument("--peers", type=Path, default=ROOT / "build/peers", help="where llama.cpp is, whose vocabulary a synthetic model gets")
    run_cases(ap.parse_args(), CASES, MEASURE, "| case | | | |\n|---|---|---|---|", lines)


if __name__ == "__main__":
    main()
