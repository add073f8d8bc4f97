#!/usr/bin/env python3
"""Compares `vivace tokenize` with llama.cpp's llama-tokenize on random Unicode strings.

  scripts/fuzz_tokenizers.py                        every vocabulary of the conformance data, both real models
  scripts/fuzz_tokenizers.py --count 5000 FILE.gguf …

Even batches: control tokens count, and every string stands alone: llama-tokenize, which loads its file anew for each
run, gets many of them with a control token between. Odd batches: control tokens are plain text, and the strings are
one long text. What differs is shrunk, and each class of disagreement (the Unicode categories of the shortest string)
is printed once. Exit code 1 when something differs that docs/tokenizers.md does not explain."""

import argparse
import bisect
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
BATCH = 5000       # strings per run
MOST_SHRUNK = 40   # failing strings per batch that are shrunk; the others are counted

# (weight, first, last) of code points; surrogates are no characters.
RANGES = (
    (30, 0x20, 0x7E), (4, 0x00, 0x1F), (6, 0x7F, 0xFF), (6, 0x100, 0x24F), (4, 0x250, 0x36F), (5, 0x370, 0x3FF),
    (6, 0x400, 0x52F), (4, 0x531, 0x5FF), (5, 0x600, 0x6FF), (5, 0x900, 0xDFF), (4, 0xE00, 0xEFF), (3, 0x1000, 0x17FF),
    (2, 0x1800, 0x1DFF), (3, 0x1E00, 0x1FFF), (5, 0x2000, 0x206F), (4, 0x2070, 0x2BFF), (2, 0x2C00, 0x2FFF),
    (6, 0x3000, 0x30FF), (3, 0x3100, 0x4DBF), (8, 0x4E00, 0x9FFF), (2, 0xA000, 0xABFF), (5, 0xAC00, 0xD7A3),
    (1, 0xD7A4, 0xD7FF), (1, 0xE000, 0xF8FF), (3, 0xF900, 0xFFFF), (3, 0x10000, 0x1FFFF), (6, 0x1F300, 0x1FAFF),
    (1, 0x20000, 0x3FFFF), (1, 0x40000, 0x10FFFF))
WORDS = (
    "the of and in a is that was for it with as his on be at by this had not are but from or have an they which one "
    "you were her all she there would their we him been has when who will more no if out so said what up its about "
    "Hello World HTTP JSON iPhone getElementById snake_case camelCaseWord CONSTANT don't I'm you're we've he'll they'd "
    "it's O'Neill naïve café Straße Ærø şeker İstanbul Привет мир Γειά σου שלום مرحبا नमस्ते สวัสดี 你好 世界 こんにちは "
    "カタカナ 안녕하세요 tiếng Việt https://example.com/a?b=c&d=1 user@example.org C++ a/b 3.14 1,000,000 2024-07-04 "
    "0xDEADBEEF e=mc^2 def return self int main() {} [] => != == <= // /* */ \\n \\t $100 50% #tag").split()
SPACES = (" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\u00a0", "\u3000", "\u2028", "\u200b", "\x0b", "\x0c",
          "\x85", " " * 8, " " * 17, "\n" * 5, "\t\t\t", "\u2581")
MARKS = ("\u0301", "\u0308", "\u0300", "\u0327", "\u200d", "\u200c", "\ufe0f", "\u20e3", "\u093f", "\u0e34", "\u3099", "\U0001f3fd")
EMOJI = ("😀", "🎉", "👍🏽", "👩‍👩‍👧‍👦", "❤️", "🇩🇪", "1️⃣", "🏴‍☠️", "🤷🏻‍♀️", "☃", "✅", "🫠")
DIGITS = "0123456789" * 3 + "²½٣४Ⅷ①𝟘०"
LOOKALIKES = ("<s>", "</s>", "<unk>", "<pad>", "<mask>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|eot_id|>",
              "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|user|>", "<|assistant|>", "<|end|>",
              "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<0x0A>", "<0xE2>", "<fim_prefix>", "<|fim_middle|>",
              "[INST]", "[/INST]", "<<SYS>>", "<|", "|>", "<", "</", "<|im_", "<s", "<｜begin▁of▁sentence｜>", "<unused7>",
              "<h1>", "</h1>", "<table>", "[UNK]", "<|reserved_special_token_0|>", "<filename>", "<|system|>", "<reponame>")


class Strings:
    """Random strings; `without` never occurs in one."""

    def __init__(self, seed, without):
        self.rng = random.Random(seed)
        self.without = without
        self.sums = []
        for weight, _, _ in RANGES:
            self.sums.append(weight + (self.sums[-1] if self.sums else 0))

    def character(self):
        _, first, last = RANGES[bisect.bisect_right(self.sums, self.rng.randrange(self.sums[-1]))]
        return chr(self.rng.randint(first, last))

    def part(self):
        rng = self.rng
        kind = rng.randrange(20)
        if kind < 6:
            return rng.choice(("", " ")) + rng.choice(WORDS)
        if kind < 9:
            return rng.choice(SPACES)
        if kind < 11:
            return "".join(rng.choice(DIGITS) for _ in range(rng.randint(1, 9)))
        if kind < 12:
            return rng.choice(EMOJI)
        if kind < 13:
            return self.character() + rng.choice(MARKS)
        if kind < 14:
            return rng.choice(LOOKALIKES)
        if kind < 15:
            return "".join(chr(rng.randint(0x21, 0x7E)) for _ in range(rng.randint(1, 6)))
        if kind < 16:
            return rng.choice("aeXé中 \n=-_.") * rng.randint(2, 40)
        return "".join(self.character() for _ in range(rng.randint(1, 6)))

    def make(self):
        while True:
            text = "".join(self.part() for _ in range(self.rng.randint(1, 8)))
            if self.without not in text and text:
                return text


class Pair:
    """Both programs on one vocabulary."""

    def __init__(self, vivace, peer, model, folder):
        self.vivace, self.peer, self.model = vivace, peer, model
        self.file = pathlib.Path(folder) / "text"
        tokenizer = json.loads(self.output([vivace, "inspect", str(model), "--json"]))["tokenizer"]
        self.pre = tokenizer["pre_split"]
        mark = tokenizer["bos"] or tokenizer["eos"]
        self.separator, self.separator_id = mark["text"], mark["id"]

    @staticmethod
    def output(command):
        run = subprocess.run(command, capture_output=True, check=False)
        if run.returncode != 0:
            sys.exit(f"{command[0]} ended with {run.returncode}: {run.stderr[-500:].decode('utf-8', 'replace')}")
        return run.stdout

    def peer_ids(self, text, parse_special):
        self.file.write_bytes(text.encode("utf-8"))
        command = [self.peer, "-m", str(self.model), "-f", str(self.file), "--ids", "--no-bos", "--no-escape",
                   "--log-disable"]
        out = self.output(command + ([] if parse_special else ["--no-parse-special"]))
        return json.loads(out[out.rindex(b"["):])

    def our_ids(self, texts, parse_special):
        lines = (json.dumps({"text": t, "add_special": False, "parse_special": parse_special}) for t in texts)
        self.file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        out = self.output([self.vivace, "tokenize", str(self.model), "--jsonl", str(self.file)])
        return [json.loads(line)["ids"] for line in out.splitlines()]

    def alone(self, texts):
        """(ours, peer's) ids of each text on its own, control tokens counting."""
        joined = self.peer_ids("".join(self.separator + t for t in texts) + self.separator, True)
        peers, current = [], None
        for token in joined:
            if token == self.separator_id:
                if current is not None:
                    peers.append(current)
                current = []
            else:
                current.append(token)
        if len(peers) != len(texts):
            sys.exit(f"{self.model}: {self.separator} does not separate texts in llama-tokenize")
        return list(zip(self.our_ids(texts, True), peers))

    def joined_differs(self, texts):
        """Whether the texts in a row, as plain text, differ. The last character keeps the peer from cutting it."""
        text = "".join(texts) + "."
        return self.our_ids([text], False)[0] != self.peer_ids(text, False)


def shorter(text):
    """Candidates without a part, the larger parts first."""
    seen = []
    size = len(text) // 2
    while size >= 1:
        seen += [text[:at] + text[at + size:] for at in range(0, len(text), size)]
        size //= 2
    return [t for t in dict.fromkeys(seen) if t]


def shrink_alone(pair, failing):
    """Shrinks all strings side by side: every round tries the candidates of all in one run."""
    done = []
    while failing:
        candidates = [(i, c) for i, text in enumerate(failing) for c in shorter(text)]
        found = {}
        if candidates:
            for (i, text), (ours, peers) in zip(candidates, pair.alone([c for _, c in candidates])):
                if ours != peers:
                    found.setdefault(i, text)
        done += [text for i, text in enumerate(failing) if i not in found]
        failing = [found[i] for i in sorted(found)]
    return done


def shrink_joined(pair, texts):
    """The shortest part of the joined text that differs."""
    while len(texts) > 1:
        middle = len(texts) // 2
        if pair.joined_differs(texts[:middle]):
            texts = texts[:middle]
        elif pair.joined_differs(texts[middle:]):
            texts = texts[middle:]
        else:
            break
    text = "".join(texts)
    shrunk = True
    while shrunk:
        shrunk = False
        for candidate in shorter(text):
            if pair.joined_differs([candidate]):
                text, shrunk = candidate, True
                break
    return text


def class_of(text):
    return "+".join(dict.fromkeys(unicodedata.category(c) for c in text))


def show(text):
    return json.dumps(text) + " (" + " ".join(f"U+{ord(c):04X}" for c in text[:24]) + ")"


# What came with Unicode 15.0, which PCRE2 may lack, and after it, which vivace's tables lack; llama.cpp has newer ones.
NEWER = ((0x11B00, 0x11B09), (0x11F00, 0x11F59), (0x1D2C0, 0x1D2D3), (0x1E030, 0x1E08F), (0x1E4D0, 0x1E4F9),
         (0x1F774, 0x1F77F), (0x1F7D9, 0x1F7D9), (0x31350, 0x323AF),
         (0x1C89, 0x1C8A), (0x2FFC, 0x2FFF), (0x31E4, 0x31EF), (0xA7CB, 0xA7DC), (0x105C0, 0x105FF), (0x10D40, 0x10D8F),
         (0x10EC2, 0x10EFF), (0x11380, 0x113FF), (0x116D0, 0x116FF), (0x11BC0, 0x11BFF), (0x13460, 0x143FF),
         (0x16100, 0x1613F), (0x16D40, 0x16D7F), (0x1CC00, 0x1CEBF), (0x1E5D0, 0x1E5FF), (0x1F8B2, 0x1F8FF),
         (0x1FA70, 0x1FBFF), (0x2EBF0, 0x2EE5D))
# What docs/tokenizers.md explains: a word for it, and whether a string shows it.
EXPLAINED = (
    ("</s> is always a control token for llama-tokenize", lambda pair, text: "</s>" in text),
    ("white space beyond ASCII is U+000B in llama-tokenize's ranges",
     lambda pair, text: pair.pre.startswith("deepseek-") and any(c.isspace() and ord(c) > 0x7F for c in text)),
    ("newer Unicode", lambda pair, text: any(a <= ord(c) <= b for c in text for a, b in NEWER)),
)


def explanation(pair, text):
    return next((word for word, shows in EXPLAINED if shows(pair, text)), None)


class Report:
    """Classes of disagreement, each with its shortest string."""

    def __init__(self):
        self.unexplained = 0
        self.strings = 0
        self.differing = 0
        self.classes = {}

    def add(self, pair, mode, text):
        word = explanation(pair, text)
        self.unexplained += word is None
        key = (mode, class_of(text) if word is None else word)
        count, shortest = self.classes.get(key, (0, text))
        self.classes[key] = (count + 1, min(shortest, text, key=len))

    def print(self, pair):
        print(f"{pair.model.name}: {self.strings} strings, {self.differing} differ, {self.unexplained} without explanation", flush=True)
        for (mode, kind), (count, text) in sorted(self.classes.items(), key=lambda item: -item[1][0]):
            print(f"  {mode} {kind} ({count} shrunk): {show(text)}")
            if mode == "alone":
                ours, peers = pair.alone([text])[0]
            else:
                ours, peers = pair.our_ids([text + "."], False)[0], pair.peer_ids(text + ".", False)
            print(f"    vivace {ours[:12]} llama-tokenize {peers[:12]}", flush=True)


def compare(pair, count, seed):
    report = Report()
    strings = Strings(seed, pair.separator)
    for batch in range((count + BATCH - 1) // BATCH):
        texts = [strings.make() for _ in range(min(BATCH, count - batch * BATCH))]
        report.strings += len(texts)
        if batch % 2 == 0:
            failing = [text for text, (ours, peers) in zip(texts, pair.alone(texts)) if ours != peers]
            report.differing += len(failing)
            report.unexplained += sum(1 for text in failing[MOST_SHRUNK:] if not explanation(pair, text))
            for text in shrink_alone(pair, failing[:MOST_SHRUNK]):
                report.add(pair, "alone", text)
        else:
            texts = [text for text in texts if not explanation(pair, text)]  # one would hide the others
            if pair.joined_differs(texts):
                report.differing += 1
                report.add(pair, "joined", shrink_joined(pair, texts))
    return report


def find_peer(given):
    peers = os.environ.get("PEERS")
    candidates = [given, os.environ.get("LLAMA_TOKENIZE")]
    candidates += [f"{peers}/bin/llama-tokenize", f"{peers}/llama-tokenize"] if peers else []
    for name in candidates:
        if name and os.access(name, os.X_OK) and os.path.isfile(name):
            return name
    sys.exit("no llama-tokenize: build llama.cpp and give its folder as PEERS=DIR (DIR/bin/llama-tokenize) or the "
             "program as LLAMA_TOKENIZE=FILE")


def default_models():
    data = pathlib.Path(os.environ.get("VIVACE_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
    models = sorted(data.glob("tokenizers/*.gguf"))
    home = os.environ.get("VIVACE_HOME")
    cache = os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local" / "share"
    folder = pathlib.Path(home) / "models" if home else pathlib.Path(cache) / "vivace" / "models"
    return models + sorted(p for p in folder.glob("*.gguf") if re.match(r"(smollm2|gemma3)", p.name))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    parser.add_argument("--vivace", default=str(ROOT / "build" / "release" / "vivace"))
    parser.add_argument("--peer", default="", help="llama-tokenize; else PEERS=DIR or LLAMA_TOKENIZE=FILE")
    parser.add_argument("--count", type=int, default=100_000, help="strings per vocabulary")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    peer = find_peer(args.peer)
    models = args.models or default_models()
    if not models:
        sys.exit("no vocabularies: name GGUF files, or set VIVACE_CONFORMANCE")
    unexplained = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            pair = Pair(args.vivace, peer, model, folder)
            report = compare(pair, args.count, args.seed)
            report.print(pair)
            unexplained += report.unexplained
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
