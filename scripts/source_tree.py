"""What the checks share: the files of the tree, C++ text without comments and strings, and how a check ends."""

import argparse
import re
import sys
from pathlib import Path

SKIPPED_FOLDERS = {".git", ".cache", ".venv", "build", "target", "node_modules", "__pycache__", "peers"}
CPP_SUFFIXES = {".h", ".cpp", ".inc", ".cu", ".cuh"}


def files_below(folder, suffixes):
    """All files with one of the suffixes below a folder, sorted; build output and caches are not looked at."""
    if not folder.is_dir():
        return []
    found = []
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in SKIPPED_FOLDERS:
                found += files_below(path, suffixes)
        elif path.suffix in suffixes:
            found.append(path)
    return sorted(found)


_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\\\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL,
)


def without_comments_and_strings(text):
    """The same text, line for line, with comments and the content of literals blanked. Include lines keep their name."""

    def blank(match):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if match.group(0).startswith('"') and text[line_start : match.start()].lstrip().startswith("#"):
            return match.group(0)
        kept = re.sub(r"[^\n]", " ", match.group(0))
        return '"' + kept[1:-1] + '"' if match.group(0)[0] == '"' else kept

    return _TOKEN.sub(blank, text)


def parse_root(description, extend=None):
    """Command line of a check: --root, and what `extend(parser)` adds."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the source tree")
    if extend:
        extend(parser)
    return parser.parse_args()


def finish(name, problems):
    """Prints the problems and ends the process: 1 if there are any."""
    for problem in problems:
        print(problem)
    print(f"{name}: {len(problems)} problem(s)" if problems else f"{name}: ok")
    sys.exit(1 if problems else 0)
