#!/usr/bin/env python3
"""Fails when an object that was compiled for one instruction set defines a function that another object may end up
calling: an inline function or template instantiation outside the namespace of its instruction set. The linker keeps one
copy of those; if it is this one, an older processor dies on an illegal instruction.

The namespace is the last component of --allow (may be repeated, for example vivace::isa_avx2), by default isa_<file name>."""

import re
import shutil
import subprocess
from pathlib import Path

from source_tree import finish, parse_root

TEXT_SYMBOLS = {"T", "W", "i"}  # global, weak, indirect


def encoded(namespace):
    """A namespace as it stands in mangled names: vivace::isa_avx2 -> 6vivace8isa_avx2."""
    return "".join(f"{len(part)}{part}" for part in namespace.split("::"))


def defined_functions(nm, path):
    output = subprocess.run([nm, "--defined-only", str(path)], check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in TEXT_SYMBOLS:
            yield fields[2]


def check_object(nm, path, allowed):
    stem = path.name.split(".")[0]
    wanted = [encoded(namespace) for namespace in allowed] or [encoded(f"isa_{stem}")]
    problems = []
    for symbol in defined_functions(nm, path):
        if not any(re.search(rf"(?<!\d){re.escape(name)}", symbol) for name in wanted):
            readable = subprocess.run(["c++filt", symbol], capture_output=True, text=True).stdout.strip() or symbol
            problems.append(f"{path.name}: {readable} is outside the namespace of its instruction set")
    return problems


def main():
    def extend(parser):
        parser.add_argument("--allow", action="append", default=[], metavar="NAMESPACE")
        parser.add_argument("--nm", default="nm")
        parser.add_argument("--build", type=Path, help="look at every object of src/backends/*/isa/ in a build folder")
        parser.add_argument("objects", nargs="*", type=Path)

    options = parse_root(__doc__, extend)
    if not shutil.which(options.nm):
        finish("isa symbols", [f"{options.nm} is not installed (binutils)"])
    problems = []
    objects = list(options.objects)
    if options.build:
        objects += sorted(options.build.glob("**/src/backends/*/isa/*.o"))
    for path in objects:
        problems += check_object(options.nm, path, options.allow)
    finish("isa symbols", problems)


if __name__ == "__main__":
    main()
