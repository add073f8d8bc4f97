"""Cases as data: bench/peers.toml, one Case for each combination of the lists in a table."""
import dataclasses, fnmatch, itertools, sys, tomllib

MEASURES = ("prefill", "decode", "busy", "load", "start")
TARGETS = ("best", "llama.cpp", "ik_llama.cpp", "llama.cpp avx2", "roof", "own_idle", "time", "memory")
LISTS = ("models", "streams", "kv", "depth")  # a list here means a case for each of its values


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    measure: str
    model: str
    tokens: int = 0
    depth: int = 0
    streams: int = 0  # 0: one sequence, measured by llama-bench; else by llama-batched-bench
    kv: str = "f16"
    isa: str = ""
    statistic: str = "median"  # of the runs' speeds; "mean": tokens over the whole time
    peers: tuple = ("llama.cpp", "ik_llama.cpp")
    targets: dict = dataclasses.field(default_factory=dict)
    either: bool = False
    repeat: int = 3
    fixed: dict = dataclasses.field(default_factory=dict)


def expand(table):
    """The cases of one [[case]] table."""
    keys = [key for key in LISTS if key in table]
    values = [table[key] if isinstance(table[key], list) else [table[key]] for key in keys]
    for combination in itertools.product(*values):
        row = {**table, **dict(zip(keys, combination))}
        row["model"] = row.pop("models")
        row["name"] = table["name"].format(**row)
        row["peers"] = tuple(row.get("peers", Case.peers))
        yield Case(**row)


def check(case):
    if case.measure not in MEASURES:
        sys.exit(f"{case.name}: measure is one of {', '.join(MEASURES)}, not {case.measure}")
    unknown = set(case.targets) - set(TARGETS)
    if unknown:
        sys.exit(f"{case.name}: no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")


def read_cases(path):
    """(all cases in the order of the file, the table of models, the groups of the plot)."""
    tables = tomllib.loads(path.read_text())
    cases = [case for table in tables["case"] for case in expand(table)]
    for case in cases:
        check(case)
    unknown = {name for group in tables["plot"] for name in group["cases"]} - {case.name for case in cases}
    if unknown:
        sys.exit(f"{path}: the plot names what is no case: {', '.join(sorted(unknown))}")
    return cases, tables["models"], tables["plot"]


def choose(cases, globs):
    chosen = [c for c in cases if any(fnmatch.fnmatch(c.name, g) for g in globs)]
    if not chosen:
        sys.exit(f"no case is called {' or '.join(globs)}; --list shows them")
    return chosen
