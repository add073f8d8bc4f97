#!/usr/bin/env python3
"""Fails when a page names a file or folder that is not there, or a folder of src/ has no README.md.

Looked at: links and `code` in README.md, ARCHITECTURE.md, CONTRIBUTING.md, THIRD_PARTY.md, docs/ (but docs/decisions/,
which is history) and the README.md of every folder. Names may be relative to the page, the root or src/. Files and
folders called x or foo are examples."""

import re

from source_tree import CPP_SUFFIXES, files_below, finish, parse_root

SOURCE_NAME = re.compile(r"\.(h|cpp|cmake|py|sh|md|toml|rs|txt|json)$")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`([^`\n]+)`")
PAIR = re.compile(r"^(.+)(\.\w+)/(\.\w+)$")  # `error.h/.cpp`
PATH = re.compile(r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]*)+$|^[A-Za-z0-9_-]+\.(md|py|sh|cmake|toml)$")
EXAMPLE = re.compile(r"(^|/)(x|foo)(_test)?(\.|/|$)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def named_paths(text):
    """(name, whether it is a link) of what a page seems to name."""
    for match in LINK.finditer(text):
        if "://" not in match.group(1) and not match.group(1).startswith("mailto:"):
            yield match.group(1), True
    for match in CODE.finditer(text):
        code = match.group(1)
        pair = PAIR.match(code)
        for name in [pair.group(1) + pair.group(2), pair.group(1) + pair.group(3)] if pair else [code]:
            if (pair or PATH.match(name)) and not EXAMPLE.search(name):
                yield name, False


def must_exist(root, name):
    """Whether code that looks like a path means one of ours: its first folder is known or it ends like a source."""
    first = name.split("/")[0]
    if first in ("build", "..", ".", ""):
        return False
    return bool(SOURCE_NAME.search(name)) or (root / first).exists() or (root / "src" / first).exists()


def check_page(root, page):
    problems = []
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for name, is_link in named_paths(text):
        if not is_link and not must_exist(root, name):
            continue
        if not any((base / name).exists() for base in (page.parent, root, root / "src")):
            problems.append(f"{page.relative_to(root).as_posix()}: names {name}, which does not exist")
    return problems


def folders_without_readme(root):
    folders = {path.parent for path in files_below(root / "src", CPP_SUFFIXES)}
    return sorted(folder.relative_to(root).as_posix() for folder in folders if not (folder / "README.md").is_file())


def main():
    root = parse_root(__doc__).root
    pages = [root / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "THIRD_PARTY.md")]
    pages = [page for page in pages if page.is_file()]
    for folder in ("docs", "src", "tests", "scripts", "text-rs"):
        pages += [page for page in files_below(root / folder, {".md"}) if "decisions" not in page.parts]
    problems = []
    for page in pages:
        problems += check_page(root, page)
    problems += [f"{folder}: has no README.md" for folder in folders_without_readme(root)]
    finish("docs", problems)


if __name__ == "__main__":
    main()
