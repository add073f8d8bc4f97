#!/usr/bin/env python3
"""Measures `vivace serve` beside llama-server, through the same driver (`vivace bench --server`), and prints one table.

  scripts/bench_server_peers.py --peers DIR                       both models, 16 clients, a long prompt beside a reader
  scripts/bench_server_peers.py --peers DIR --cases 'crowd/*' --pairs 3

Runs alternate A,B,B,A as in scripts/bench_peers.py; each run starts the server anew, with the file in the page cache. Both
get as many slots and as much context; llama-server runs with the better of -fa on and off, found before.

crowd    CLIENTS clients, each asking again when it is answered: tokens per second of all, time to first token
reader   somebody reads an answer while a prompt of 4,000 tokens comes in: the longest waits for the next word (p99), and the
         prompt's time to first token beside what it takes alone
turn     a chat's second turn, 2,000 tokens long, against the same prompt cold (ours alone)
"""
import argparse, fnmatch, http.client, json, os, random, socket, statistics, subprocess, sys, threading, time, tomllib
from pathlib import Path

from peers import machine, models, pairs

ROOT = Path(__file__).resolve().parent.parent
CLIENTS, PROMPT, ANSWER, LONG = 16, 64, 64, 4000
WORDS = "the of and to in is that it was for on are as with his they at be this from have or by one had not but".split()


class Server:
    """One server for one measurement."""

    def __init__(self, command, port):
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port, self.url = port, f"http://127.0.0.1:{port}"

    def __enter__(self):
        for _ in range(1200):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return self
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"the server ended with {self.process.returncode}: {self.process.args}")
            time.sleep(0.05)
        sys.exit(f"the server does not come up: {self.process.args}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ours(args, model, slots, context, *options):
    port = free_port()
    return Server([args.vivace, "serve", model, "--port", port, "--parallel", slots, "--context-length", context, *options], port)


def theirs(args, model, slots, context, flash="on"):
    port = free_port()
    return Server([args.peers / "bin/llama-server", "-m", model, "--port", port, "-np", slots, "-c", slots * context, "-fa", flash,
                   "-t", os.cpu_count(), "--no-webui"], port)


def drive(args, server, clients, requests, prompt, answer):
    run = subprocess.run([args.vivace, "bench", "", "--server", server.url, "--clients", str(clients), "--requests", str(requests),
                          "--prompt", str(prompt), "--generate", str(answer), "--json"], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{server.process.args}: {run.stdout}{run.stderr}")
    return json.loads(run.stdout)


def text(words, seed):
    draw = random.Random(seed)
    return " ".join(draw.choice(WORDS) for _ in range(words))


def stream(server, prompt, answer, times, begun=None):
    """Appends the times at which parts of the answer come."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    body = json.dumps({"prompt": prompt, "max_tokens": answer, "temperature": 0, "ignore_eos": True, "stream": True})
    times.append(time.perf_counter())
    connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
    for line in connection.getresponse():
        if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0].get("text"):
            times.append(time.perf_counter())
            if begun:
                begun.set()


def first_token(server, words, seed):
    times = []
    stream(server, text(words, seed), 1, times)
    return times[1] - times[0]


def crowd(args, model, say):
    """Tokens per second and time to first token of many clients."""
    found = {}

    def run(start, label):
        with start() as server:
            told = drive(args, server, CLIENTS, args.requests, PROMPT, ANSWER)
        found.setdefault(label, []).append(told)
        return told["generated_tokens_per_second"]

    def best():
        flags = {flash: run(lambda: theirs(args, model, CLIENTS, 512, flash), "trial") for flash in ("on", "off")}
        return max(flags, key=flags.get)

    flash = best()
    good, dropped = pairs.alternate(args.pairs, lambda: run(lambda: ours(args, model, CLIENTS, 512), "ours"),
                                    lambda: run(lambda: theirs(args, model, CLIENTS, 512, flash), "theirs"), lambda: None, say)
    result = pairs.summary(good, dropped)
    for side in ("ours", "theirs"):
        for field, name in (("time_to_first_token_seconds", "first_token_p95"), ("gap_seconds", "gap_p99")):
            part = "p95" if name == "first_token_p95" else "p99"
            result[f"{side}_{name}"] = statistics.median(told[field][part] for told in found[side])
    result["flash"] = flash
    return result


def reader_once(server, seed):
    """(quiet median gap, p99 gap beside the prompt, the prompt's time to first token beside and alone)"""
    alone = first_token(server, LONG, seed)
    times, begun = [], threading.Event()
    thread = threading.Thread(target=stream, args=(server, text(20, seed + 1), 600, times, begun))
    thread.start()
    begun.wait()
    time.sleep(1.5)
    before = time.perf_counter()
    beside = first_token(server, LONG, seed + 2)
    after = time.perf_counter()
    thread.join()
    gaps = [(b, b - a) for a, b in zip(times[1:], times[2:])]
    quiet = statistics.median(gap for at, gap in gaps if at < before)
    during = sorted(gap for at, gap in gaps if before <= at <= after + 0.5)
    return quiet, during[min(len(during) - 1, int(0.99 * len(during)))], beside, alone


def reader(args, model, say):
    result = {}
    for side, start in (("ours", ours), ("theirs", theirs)):
        runs = []
        for i in range(max(3, args.pairs // 2)):
            with start(args, model, 2, 5120) as server:
                first_token(server, 30, 1)
                runs.append(reader_once(server, 100 * i))
            say(f"{side} {i + 1}")
        for n, name in enumerate(("quiet_gap", "gap_p99", "prompt_beside", "prompt_alone")):
            result[f"{side}_{name}"] = statistics.median(run[n] for run in runs)
    return result


def chat_first_token(server, messages):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    body = json.dumps({"messages": messages, "max_tokens": 1, "temperature": 0})
    begin = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    return time.perf_counter() - begin, answer["usage"]["prompt_tokens"]


def turn(args, model, say):
    cold, warm = [], []
    for i in range(args.pairs):
        with ours(args, model, 2, 4096) as server:
            chat_first_token(server, [{"role": "user", "content": "hello"}])
            chat = [{"role": "user", "content": text(1990, i)}]
            seconds, tokens = chat_first_token(server, chat)
            cold.append(seconds)
            chat += [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "And then?"}]
            warm.append(chat_first_token(server, chat)[0])
        say(f"{i + 1}/{args.pairs}, {tokens} tokens")
    return {"cold": statistics.median(cold), "second_turn": statistics.median(warm),
            "share": statistics.median(w / c for w, c in zip(warm, cold))}


MEASURE = {"crowd": crowd, "reader": reader, "turn": turn}
CASES = ["crowd/1b-q4_k_m-text", "crowd/smollm2-135m", "reader/1b-q4_k_m-text", "turn/smollm2-135m"]


def line(name, r):
    if name.startswith("crowd"):
        return (f"| {name} | {r['ours']:.0f} t/s | {r['theirs']:.0f} t/s | {r['ratio']:.2f} ({r['ratio_low']:.2f}–{r['ratio_high']:.2f}) | "
                f"first token p95 {r['ours_first_token_p95']:.2f} s, theirs {r['theirs_first_token_p95']:.2f} s |")
    if name.startswith("reader"):
        return (f"| {name} | p99 gap {r['ours_gap_p99'] * 1e3:.0f} ms (quiet {r['ours_quiet_gap'] * 1e3:.0f}) | "
                f"p99 gap {r['theirs_gap_p99'] * 1e3:.0f} ms (quiet {r['theirs_quiet_gap'] * 1e3:.0f}) | | "
                f"prompt's first token {r['ours_prompt_beside']:.1f} s, alone {r['ours_prompt_alone']:.1f}; theirs "
                f"{r['theirs_prompt_beside']:.1f} s, alone {r['theirs_prompt_alone']:.1f} |")
    return f"| {name} | second turn {r['second_turn'] * 1e3:.0f} ms | | | {r['share']:.1%} of the cold {r['cold']:.2f} s |"


def options(about, requests, results):
    """The options that every bench of the server has; `results`: the name of its file in bench/results."""
    ap = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--cases", nargs="+", default=["*"], metavar="GLOB")
    ap.add_argument("--pairs", type=int, default=7)
    ap.add_argument("--requests", type=int, default=requests, help="of each client of a crowd")
    ap.add_argument("--vivace", type=Path, default=ROOT / "build/release/vivace")
    ap.add_argument("--models", type=Path, default=ROOT / "build/bench-models")
    ap.add_argument("--synth", type=Path, default=ROOT / "../shared/tools/synth_gguf.py")
    ap.add_argument("--json", type=Path, default=ROOT / f"bench/results/{results}-{machine.short_name(machine.cpu())}.json")
    return ap


def run_cases(args, cases, measure, head, lines):
    """Measures the wished cases, keeps each in the file of results, and prints the table of all that are there."""
    table = tomllib.loads((ROOT / "bench/peers.toml").read_text())["models"]
    files = models.Models(table, args.models, args.synth, args.peers / "llama.cpp/models/ggml-vocab-llama-spm.gguf")
    kept = json.loads(args.json.read_text()) if args.json.exists() else {}
    for name in cases:
        if not any(fnmatch.fnmatch(name, glob) for glob in args.cases):
            continue
        kind, model = name.split("/")
        path = files.path(model)
        models.warm(path)
        result = measure[kind](args, path, lambda words: print(f"{name}: {words}", file=sys.stderr))
        kept[name] = {"machine": machine.facts(), **result}
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(kept, indent=1) + "\n")
    print(head)
    for name in cases:
        for line in lines(name, kept[name]) if name in kept else []:
            print(line)


def main():
    ap = options(__doc__, 3, "server")
    ap.add_argument("--peers", type=Path, required=True, help="folder whose bin/ holds llama-server")
    run_cases(ap.parse_args(), CASES, MEASURE, "| case | Vivace | llama-server | ratio | |\n|---|---:|---:|---|---|",
              lambda name, result: [line(name, result)])


if __name__ == "__main__":
    main()
