#!/usr/bin/env python3
"""Loads a model under memory limits of a control group, from too little to plenty, and prints what happened at each: it
answered, or it refused with exit code 4. Exits 1 where the OOM killer struck or anything else went wrong. Needs root and
Linux (control groups of version 1 or 2).

  scripts/sweep_memory.py MODEL [--steps N] [-- MORE OPTIONS OF vivace run]
"""
import argparse, os, subprocess, sys
from pathlib import Path

from peers import memory

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
REFUSED = 4


class Group:
    """A control group of our own."""

    def __init__(self):
        v1 = Path("/sys/fs/cgroup/memory")
        self.v2 = not v1.is_dir()
        self.path = (Path("/sys/fs/cgroup") if self.v2 else v1) / f"vivace-sweep-{os.getpid()}"
        try:
            self.path.mkdir()
        except OSError as why:
            sys.exit(f"no control group can be made: {why} (this needs root)")

    def write(self, name, value):
        if (self.path / name).exists():
            (self.path / name).write_text(str(value))

    def limit(self, size):
        if self.v2:
            self.write("memory.swap.max", 0)
            self.write("memory.max", size)
        else:  # memory and swap together are never less than memory
            self.write("memory.memsw.limit_in_bytes", -1)
            self.write("memory.limit_in_bytes", size)
            self.write("memory.memsw.limit_in_bytes", size)

    def enter(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        self.path.rmdir()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("options", nargs="*")
    ap.add_argument("--steps", type=int, default=16)
    ap.add_argument("--vivace", default=str(ROOT / "build/release/vivace"))
    args = ap.parse_args()
    needed = memory.planned(args.vivace, args.model)
    group, bad = Group(), 0
    print(f"the plan without a limit: {needed / MIB:.0f} MiB")
    try:
        for step in range(args.steps):
            size = int(needed * (0.1 + 1.6 * step / (args.steps - 1))) + 24 * MIB
            group.limit(size)
            done = subprocess.run([args.vivace, "run", args.model, "Hello", "--server", "none", "--max-tokens", "8", "--reserve-memory", "16MiB",
                                   *args.options], capture_output=True, text=True, errors="replace", preexec_fn=group.enter)
            context = next((l.split(None, 1)[1] for l in done.stderr.splitlines() if l.startswith("context")), "")
            error = next((l for l in done.stderr.splitlines() if l.startswith("error")), "nothing")
            said = context if done.returncode == 0 else error
            verdict = {0: "answered", REFUSED: "refused"}.get(done.returncode, f"WRONG: exit code {done.returncode}")
            bad += done.returncode not in (0, REFUSED)
            print(f"{size / MIB:8.0f} MiB  {verdict:10}  {said[:100]}", flush=True)
    finally:
        group.remove()
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
