#!/usr/bin/env python3
"""Fails for files above 800 lines and functions above 120. A generated table is exempt when one of its first ten lines
says "// generated data table"."""

import ast
import re

from source_tree import CPP_SUFFIXES, files_below, finish, parse_root, without_comments_and_strings

MAX_FILE = 800
MAX_FUNCTION = 120
MARKER = "// generated data table"
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def is_function_head(head):
    """Whether the text before a brace at namespace or class scope opens a function body."""
    head = re.sub(r"^\s*#.*$", "", head, flags=re.MULTILINE)  # preprocessor lines
    before_arguments = head.split("(")[0]
    if "(" not in head or re.search(r"(?<!operator)=\s*$", head) or SCOPE.search(before_arguments.split("template")[0]):
        return False
    return "=" not in re.sub(r"operator\s*[-+*/%^&|<>!=]*=+", "", before_arguments.split("requires")[0].split(">")[-1])


def cpp_functions(text):
    """(first line, lines) of every function body at namespace or class scope."""
    functions = []
    stack = []  # (kind, line): "scope", "function", "other"
    head_start = 0
    line = 1
    for i, c in enumerate(text):
        if c == "\n":
            line += 1
        elif c == "{":
            head = text[head_start:i]
            outside = all(kind == "scope" for kind, _ in stack)
            if outside and is_function_head(head):
                stack.append(("function", line))
            elif outside and SCOPE.search(head):
                stack.append(("scope", line))
            else:
                stack.append(("other", line))
            head_start = i + 1
        elif c == "}":
            if stack:
                kind, first = stack.pop()
                if kind == "function":
                    functions.append((first, line - first + 1))
            head_start = i + 1
        elif c == ";":
            head_start = i + 1
    return functions


def python_functions(text):
    tree = ast.parse(text)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(node.lineno, node.end_lineno - node.lineno + 1) for node in ast.walk(tree) if isinstance(node, kinds)]


def check_file(name, path):
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if any(MARKER in line for line in text.split("\n", 10)[:10]):
        return []
    problems = []
    if lines > MAX_FILE:
        problems.append(f"{name}: {lines} lines, more than {MAX_FILE}")
    functions = []
    if path.suffix in CPP_SUFFIXES:
        functions = cpp_functions(without_comments_and_strings(text))
    elif path.suffix == ".py":
        functions = python_functions(text)
    for first, length in functions:
        if length > MAX_FUNCTION:
            problems.append(f"{name}:{first}: a function of {length} lines, more than {MAX_FUNCTION}")
    return problems


def main():
    root = parse_root(__doc__).root
    problems = []
    for folder in ("src", "tests", "scripts", "text-rs", "bench", "cmake"):
        for path in files_below(root / folder, CPP_SUFFIXES | {".py", ".rs", ".cmake", ".sh"}):
            problems += check_file(path.relative_to(root).as_posix(), path)
    finish("sizes", problems)


if __name__ == "__main__":
    main()
