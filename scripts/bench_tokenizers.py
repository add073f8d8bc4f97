#!/usr/bin/env python3
"""Measures `vivace tokenize` beside llama.cpp's llama-tokenize and prints a Markdown table.

  PEERS=DIR scripts/bench_tokenizers.py [--pairs 7] [--text ENGLISH.txt] [FILE.gguf …]

Texts of 10 MB: English (word chains drawn from English pages, or --text repeated), one repeated character, one word
without spaces, random bytes. Runs alternate A B, B A, …; both print the ids to /dev/null. A run's time is its wall
clock less the median of the same program on an empty text, so that loading the vocabulary does not count. A program
that takes longer than --limit or dies is not run again on that text."""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

from fuzz_tokenizers import ROOT, default_models, find_peer

SIZE = 10_000_000


def english_sources():
    data = pathlib.Path(os.environ.get("VIVACE_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
    paths = sorted(data.glob("real/*.text.txt")) + sorted(ROOT.glob("**/*.md"))
    paths += sorted(pathlib.Path("/usr/share/common-licenses").glob("*"))
    return "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in paths if p.is_file())


def english(size, rng):
    """Chains of words: each follows the two before it as it does somewhere in the sources, white space included."""
    words = [line_word for line in english_sources().splitlines(True) for line_word in line.split(" ")]
    following = {}
    for i in range(len(words) - 2):
        following.setdefault((words[i], words[i + 1]), []).append(words[i + 2])
    keys = list(following)
    out, length = [], 0
    pair = rng.choice(keys)
    while length < size:
        choices = following.get(pair)
        if choices is None or rng.random() < 0.02:
            pair = rng.choice(keys)
            choices = following[pair]
        word = rng.choice(choices)
        out.append(word)
        length += len(word.encode("utf-8")) + 1
        pair = (pair[1], word)
    return " ".join(out).encode("utf-8")[:size].decode("utf-8", "ignore").encode("utf-8")


def texts(args):
    rng = random.Random(1)
    if args.text:
        whole = args.text.read_bytes()
        yield "English", (whole * (SIZE // len(whole) + 1))[:SIZE]
    else:
        yield "English", english(SIZE, rng)
    yield "one repeated character", b"a" * SIZE
    yield "one word without spaces", bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=SIZE))
    yield "random bytes", rng.randbytes(SIZE)


class Program:
    def __init__(self, name, command, limit):
        self.name, self.command, self.limit = name, command, limit
        self.start_up = 0.0
        self.failure = None
        self.seconds = []

    def run(self, path):
        """Wall seconds, or None with `failure` set."""
        begin = time.perf_counter()
        try:
            code = subprocess.run(self.command + [str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  timeout=self.limit, check=False).returncode
        except subprocess.TimeoutExpired:
            self.failure = f"> {self.limit:.0f} s"
            return None
        if code != 0:
            self.failure = f"signal {-code}" if code < 0 else f"exit code {code}"
            return None
        return time.perf_counter() - begin

    def measure_start_up(self, empty):
        self.start_up = statistics.median(self.run(empty) or 0.0 for _ in range(7))

    def add(self, path):
        if self.failure is None:
            seconds = self.run(path)
            if seconds is not None:
                self.seconds.append(max(seconds - self.start_up, 1e-4))

    def cell(self):
        if self.failure:
            return self.failure
        low, middle, high = min(self.seconds), statistics.median(self.seconds), max(self.seconds)
        return f"{middle:.2f} s ({low:.2f}–{high:.2f}), {SIZE / 1e6 / middle:.1f} MB/s"


def measure(ours, peer, path, pairs):
    for program in (ours, peer):
        program.failure, program.seconds = None, []
    for i in range(pairs):
        for program in (ours, peer) if i % 2 == 0 else (peer, ours):
            program.add(path)
    if ours.failure or peer.failure:
        return ""
    return f"{statistics.median(b / a for a, b in zip(ours.seconds, peer.seconds)):.1f} ×"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    parser.add_argument("--vivace", default=str(ROOT / "build" / "release" / "vivace"))
    parser.add_argument("--peer", default="", help="llama-tokenize; else PEERS=DIR or LLAMA_TOKENIZE=FILE")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--limit", type=float, default=120, help="seconds after which a run is given up")
    parser.add_argument("--text", type=pathlib.Path, help="English text instead of the chains")
    args = parser.parse_args()
    peer_path = find_peer(args.peer)
    models = args.models or default_models()
    if not models:
        sys.exit("no vocabularies: name GGUF files, or set VIVACE_CONFORMANCE")
    print("| vocabulary | text, 10 MB | vivace | llama-tokenize | faster |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        empty = pathlib.Path(folder) / "empty"
        empty.write_bytes(b"")
        path = pathlib.Path(folder) / "text"
        cases = list(texts(args))
        for model in models:
            ours = Program("vivace", [args.vivace, "tokenize", str(model), "--json", "--file"], args.limit)
            peer = Program("llama-tokenize", [peer_path, "-m", str(model), "--ids", "--no-escape", "--log-disable", "-f"],
                           args.limit)
            for program in (ours, peer):
                program.measure_start_up(empty)
            for name, text in cases:
                path.write_bytes(text)
                ratio = measure(ours, peer, path, args.pairs)
                print(f"| {model.stem} | {name} | {ours.cell()} | {peer.cell()} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
