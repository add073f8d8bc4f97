"""The kept results: one JSON file, case by case, and the table made of it."""
import datetime, json

from . import machine

SCHEMA = 2
AT_MOST = ("time", "memory")  # targets that are kept by staying below
SHARES = ("roof", "own_idle")


def read(path):
    """The results kept before; none where the file is missing or older than this form."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    return kept if kept.get("schema") == SCHEMA else {"schema": SCHEMA, "cases": {}}


def keep(path, kept, case, result, vivace_version, threads):
    """Puts the result of one case in its place and writes the file."""
    kept["cases"][case.name] = {"date": datetime.date.today().isoformat(), "vivace": vivace_version, "threads": threads,
                                "machine": machine.facts(), **result}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=1) + "\n")


def met(name, target, figure):
    return figure <= target if name in AT_MOST else figure >= target


def target_text(name, target):
    if name in SHARES:
        return f"{name.replace('_', ' ')} ≥ {target:.0%}"
    if name in AT_MOST:
        return f"{name} ≤ {target:g}×"
    return f"{name} ≥ {target:g}×"


def verdict(case, figures):
    """(the targets as text, met or missed)."""
    if not case.targets:
        return "", ""
    reached = {name: met(name, target, figures[name]) for name, target in case.targets.items() if name in figures}
    texts = [target_text(name, target) for name, target in case.targets.items()]
    if len(reached) < len(case.targets) and not (case.either and any(reached.values())):
        return (" or " if case.either else ", ").join(texts), "not measured"
    good = any(reached.values()) if case.either else all(reached.values())
    missed = [name for name, ok in reached.items() if not ok]
    return (" or " if case.either else ", ").join(texts), "met" if good else "**missed**: " + ", ".join(missed)


def speed_text(value, unit):
    return f"{value:.2f} {unit}" if unit == "s" else f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def table(cases, kept, achieved):
    """Markdown; a line for each peer of a case."""
    lines = ["| case | Vivace | peer | its | ratio | 90 % interval | share | target | |", "|---|---:|---|---:|---:|---|---|---|---|"]
    for case in cases:
        result = kept["cases"].get(case.name)
        if not result:
            continue
        figures = achieved(case, result)
        targets, end = verdict(case, figures)
        shares = [f"{figures[name]:.0%} of {text}" for name, text in (("roof", "the roof"), ("own_idle", "own idle speed"),
                                                                      ("memory", "weights + KV")) if name in figures]
        for row in sorted(result["peers"], key=lambda row: row["ratio"]):
            lines.append(f"| {case.name} | {speed_text(row['ours'], result['unit'])} | {row['peer']} ({row['flags']}) | "
                         f"{speed_text(row['theirs'], result['unit'])} | {row['ratio']:.2f} | {row['ratio_low']:.2f}–"
                         f"{row['ratio_high']:.2f} | {', '.join(shares)} | {targets} | {end} |")
            shares, targets, end = [], "", ""
    return "\n".join(lines)
