"""The programs that are measured: how each is asked for the speed of a case, and which flags it may choose from."""
import itertools, json, os, re, statistics, subprocess, tempfile

# Peers allocate with malloc; this lets it ask for the huge pages that Vivace asks for: the same page policy for all.
PEER_ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
STATISTICS = {"median": statistics.median, "mean": statistics.harmonic_mean}  # of tokens per second
BATCH_PROMPT = 16  # tokens of each prompt where streams are decoded together


class Refused(Exception):
    """The program can't do the case with these flags."""


def run_text(command, environment=None, stream="stdout"):
    """What the program prints there. Its folder is a temporary one: some leave logs."""
    done = subprocess.run([str(x) for x in command], capture_output=True, text=True, errors="replace",
                          cwd=tempfile.gettempdir(), env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Refused(f"{' '.join(str(x) for x in command)}: exit code {done.returncode}: {last}")
    return getattr(done, stream)


def json_rows(text):
    """The objects among lines of other kinds; a message without its line's end may stand before one."""
    return [json.loads(line[line.index("{"):]) for line in text.splitlines() if "{" in line and line.endswith("}")]


def version_of(binary):
    """The commit that a peer names."""
    done = subprocess.run([str(binary), "--version"], capture_output=True, text=True)
    named = re.search(r"(?:commit |version: \d+ \()(\w+)", done.stdout + done.stderr)
    return named.group(1) if named else "unknown"


class Vivace:
    name = "vivace"

    def __init__(self, binary):
        self.binary = binary

    def environment(self, case):
        return {"VIVACE_ISA": case.isa} if case.isa else {}

    def bench(self, case, model, threads, repeat, prefill, decode):
        """The JSON of `vivace bench`."""
        command = [self.binary, "bench", model, "--prompt", prefill, "--generate", decode, "--repeat", repeat,
                   "--threads", threads, "--kv-type", case.kv, "--json"]
        if case.depth:
            command += ["--depth", case.depth]
        if case.streams:
            command += ["--streams", case.streams, "--depth", BATCH_PROMPT]
        return json.loads(run_text(command, self.environment(case)))

    def speed(self, case, model, threads, repeat):
        prefill = case.measure == "prefill"
        out = self.bench(case, model, threads, repeat, case.tokens if prefill else 0, 0 if prefill else case.tokens)
        return out["prefill" if prefill else "decode"]["tokens_per_second"][case.statistic]


class Peer:
    """choices: [(flag, its values)], of which the fastest combination counts."""

    def __init__(self, name, binary, choices):
        self.name, self.binary, self.choices, self.version = name, binary, choices, "unknown"

    def exists(self):
        return self.binary.exists()

    def combinations(self, case):
        for values in itertools.product(*((case.fixed[f],) if f in case.fixed else v for f, v in self.choices)):
            yield tuple(x for (flag, _), value in zip(self.choices, values) for x in (flag, value))

    def measure(self, case, model, threads, repeat, flags, arguments, pick):
        command = [self.binary, "-m", model, "-r", repeat, "-t", threads, "-ctk", case.kv, "-ctv", case.kv, "-o", "json",
                   *arguments, *flags]
        rows = json.loads(run_text(command, PEER_ENVIRONMENT))
        self.version = rows[0]["build_commit"]
        middle = STATISTICS[case.statistic]
        speeds = [middle(row.get("samples_ts") or [row["avg_ts"]]) for row in rows if pick(row)]
        if not speeds:
            raise Refused(f"{self.name} printed no figure")
        return speeds[0]


class LlamaBench(Peer):
    def speed(self, case, model, threads, repeat, flags):
        prefill = case.measure == "prefill"
        arguments = ["-p", case.tokens if prefill else 0, "-n", 0 if prefill else case.tokens]
        if case.depth:
            arguments += ["-d", case.depth]
        return self.measure(case, model, threads, repeat, flags, arguments,
                            lambda row: bool(row["n_prompt"]) == prefill and bool(row["n_gen"]) != prefill)


class IkBench(Peer):
    """ik_llama.cpp's llama-bench has no depth for prefill; its llama-sweep-bench prints that."""

    def __init__(self, name, binary, sweep, choices):
        super().__init__(name, binary, choices)
        self.sweep = sweep

    def combinations(self, case):
        """Without those that say the same: repacked weights are never mapped."""
        return (flags for flags in super().combinations(case) if flags[3::2] != ("1", "1"))

    def speed(self, case, model, threads, repeat, flags):
        if case.measure == "prefill" and case.depth:
            return self.prefill_at_depth(case, model, threads, flags)
        if case.depth:
            return self.measure(case, model, threads, repeat, flags, ["-p", 0, "-n", 0, "-gp", f"{case.depth},{case.tokens}"],
                                lambda row: row["n_gen"] == case.tokens)
        prefill = case.measure == "prefill"
        arguments = ["-p", case.tokens if prefill else 0, "-n", 0 if prefill else case.tokens]
        return self.measure(case, model, threads, repeat, flags, arguments,
                            lambda row: bool(row["n_prompt"]) == prefill and bool(row["n_gen"]) != prefill)

    def prefill_at_depth(self, case, model, threads, flags):
        if not self.sweep.exists():
            raise Refused(f"no {self.sweep.name}")
        self.version = version_of(self.sweep)
        on = dict(zip(flags[::2], flags[1::2]))
        command = [self.sweep, "-m", model, "-c", case.depth + case.tokens, "-ub", case.tokens, "-n", 1, "-t", threads,
                   "-ctk", case.kv, "-ctv", case.kv, "-fa", "on" if on.get("-fa") == "1" else "off", "--output-format", "jsonl"]
        command += ["-rtr"] if on.get("-rtr") == "1" else []
        command += ["--no-mmap"] if on.get("-mmp") == "0" else []
        rows = json_rows(run_text(command, PEER_ENVIRONMENT, "stderr"))
        return next(row["speed_pp"] for row in rows if row["n_kv"] == case.depth)


class BatchedBench(Peer):
    """Streams decoded together; the aggregate speed."""

    def __init__(self, name, binary, choices):
        super().__init__(name, binary, choices)
        self.version = version_of(binary) if binary.exists() else "unknown"

    def speed(self, case, model, threads, repeat, flags):
        context = case.streams * (BATCH_PROMPT + case.tokens)
        command = [self.binary, "-m", model, "-c", context, "-npp", BATCH_PROMPT, "-ntg", case.tokens, "-npl", case.streams,
                   "-t", threads, "-ctk", case.kv, "-ctv", case.kv, "--output-format", "jsonl", *flags]
        speeds = []
        for _ in range(repeat):
            rows = json_rows(run_text(command, PEER_ENVIRONMENT))
            speeds += [row["speed_tg"] for row in rows if row["pl"] == case.streams]
        if not speeds:
            raise Refused(f"{self.name} printed no figure")
        return statistics.median(speeds)


def peers_for(case, folder):
    """The peers of a case that are there."""
    llama = [("-fa", ("0", "1")), ("-lm", ("none", "mmap"))]
    ik = [("-fa", ("0", "1")), ("-mmp", ("0", "1")), ("-rtr", ("0", "1"))]
    batched = [("-fa", ("off", "on")), ("-lm", ("none", "mmap"))]
    bin_ = folder / "bin"
    known = {
        "llama.cpp": BatchedBench("llama.cpp", bin_ / "llama-batched-bench", batched) if case.streams else
                     LlamaBench("llama.cpp", bin_ / "llama-bench", llama),
        "llama.cpp avx2": LlamaBench("llama.cpp avx2", bin_ / "llama-bench-avx2", llama),
        "ik_llama.cpp": IkBench("ik_llama.cpp", bin_ / "ik-llama-bench", bin_ / "ik-llama-sweep-bench", ik),
    }
    return [known[name] for name in case.peers if known[name].exists()]
