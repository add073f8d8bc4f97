#!/usr/bin/env python3
"""Compares `vivace render` with jinja2 in transformers' environment, on generated conversations.

usage: differential_templates.py --vivace build/release/vivace [--templates DIR] [--count 20] [--seed 1] [--jobs 2]

DIR holds NAME.jinja files (default: the chat folder of the conformance data). Needs jinja2 from PyPI:
    python3 -m venv build/venv && build/venv/bin/pip install jinja2==3.1.6
Exits 1 when a prompt differs, or when one side fails where the other does not. Where both fail, a message that the
template raises must be the same.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

NOW = datetime.datetime(2025, 7, 4, 9, 8, 7)
WORDS = ["hello", "Über", "你好", "🎉", "it's", 'a "b"', "<b>&amp;</b>", "{{ x }}", "{% y %}", "\\n", "a\nb", "\t", "  ", "",
         "<|im_end|>", "[INST]", "</think>", "<think>\nhm\n</think>\n\nso", "\u00a0", "1e5", "None", "\r\n", "%s", "'", "`"]


class Generation(jinja2.ext.Extension):
    """Hugging Face's {% generation %}: its body, unchanged."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


class Raised(jinja2.TemplateError):
    """What raise_exception raises."""


def environment():
    def raise_exception(message):
        raise Raised(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def words(rng):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 6)))


def value(rng, depth=0):
    kind = rng.randrange(8 if depth < 3 else 6)
    if kind == 6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(3))]
    if kind == 7:
        return {rng.choice("abcxyz") + str(i): value(rng, depth + 1) for i in range(rng.randrange(3))}
    scalars = (words(rng), rng.randrange(-5, 5), rng.random() * 100, True, None, rng.choice([1.0, 0.5, 1e-7, 2.0**40]))
    return scalars[kind]


def schema(rng, depth=0):
    kind = rng.choice(["string", "number", "integer", "boolean", "array", "object"] if depth < 2 else ["string", "number"])
    out = {"type": kind}
    if rng.random() < 0.7:
        out["description"] = words(rng)
    if kind == "string" and rng.random() < 0.3:
        out["enum"] = ["a", "b's"]
    if kind == "array":
        out["items"] = schema(rng, depth + 1)
    if kind == "object":
        out["properties"] = {name: schema(rng, depth + 1) for name in rng.sample(["a", "b", "items", "unit"], rng.randrange(1, 4))}
        out["required"] = rng.sample(list(out["properties"]), 1)
    return out


def tool(rng, name):
    names = rng.sample(["city", "unit", "days", "keys"], rng.randrange(1, 4))
    parameters = {"type": "object", "properties": {n: schema(rng) for n in names}, "required": names[:1]}
    return {"type": "function", "function": {"name": name, "description": words(rng), "parameters": parameters}}


def conversation(rng):
    messages = []
    tools = [tool(rng, f"tool_{i}") for i in range(rng.randrange(1, 3))] if rng.random() < 0.4 else None
    if rng.random() < 0.5:
        messages.append({"role": "system", "content": words(rng)})
    for _ in range(rng.randrange(1, 4)):
        parts = [{"type": "text", "text": words(rng)} for _ in range(2)]
        messages.append({"role": "user", "content": parts if rng.random() < 0.1 else words(rng)})
        if tools and rng.random() < 0.7:
            call_id = "abcdefgh" + str(rng.randrange(10))
            arguments = {rng.choice(["city", "days"]): value(rng)}
            call = {"type": "function", "id": call_id, "function": {"name": "tool_0", "arguments": arguments}}
            messages.append({"role": "assistant", "content": rng.choice(["", words(rng)]), "tool_calls": [call]})
            messages.append({"role": "tool", "tool_call_id": call_id, "name": "tool_0", "content": words(rng)})
        messages.append({"role": "assistant", "content": words(rng)})
        if rng.random() < 0.2:
            messages[-1]["reasoning_content"] = words(rng)
    if rng.random() < 0.8:
        messages.pop()
    extra = {}
    if rng.random() < 0.3:
        extra["enable_thinking"] = rng.random() < 0.5
    return {"name": "generated", "messages": messages, "tools": tools, "add_generation_prompt": rng.random() < 0.7,
            "extra": extra, "bos_token": "<s>", "eos_token": "</s>"}


def by_jinja2(template, case):
    """(text, None) or (None, message); the message is empty for errors that are not the template's own."""
    try:
        return template.render(
            messages=case["messages"], tools=case["tools"], documents=None,
            add_generation_prompt=case["add_generation_prompt"], bos_token=case["bos_token"],
            eos_token=case["eos_token"], **case["extra"]), None
    except Raised as e:
        return None, str(e)
    except Exception:  # whatever Python raises inside of a template
        return None, ""


def by_vivace(program, path, case):
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8", delete=False) as file:
        json.dump(case, file)
    try:
        run = subprocess.run(
            [program, "render", "--template", str(path), "--messages", file.name, "--now", NOW.isoformat()],
            capture_output=True, timeout=60, check=False)
    finally:
        os.unlink(file.name)
    if run.returncode not in (0, 1):
        raise RuntimeError(f"{program} ended with {run.returncode}: {run.stderr[-500:]!r}")
    if run.returncode == 0:
        return run.stdout.decode("utf-8"), None
    return None, run.stderr.decode("utf-8", "replace")


def differs(expected, got):
    text, message = expected
    if text is not None:
        return got[0] != text
    if not message:  # a type error: an engine may do as it likes
        return False
    return got[1] is None or message not in got[1]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    data = pathlib.Path(os.environ.get("VIVACE_CONFORMANCE") or root.parent / "shared" / "conformance")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vivace", default=str(root / "build" / "release" / "vivace"))
    parser.add_argument("--templates", type=pathlib.Path, default=data / "chat")
    parser.add_argument("--count", type=int, default=20, help="conversations per template")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    paths = sorted(args.templates.glob("*.jinja"))
    if not paths:
        sys.exit(f"no templates in {args.templates}")
    env = environment()
    rng = random.Random(args.seed)
    work = []
    for path in paths:
        template = env.from_string(path.read_bytes().decode("utf-8"))
        work += [(path, template, conversation(rng)) for _ in range(args.count)]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        got = list(pool.map(lambda item: by_vivace(args.vivace, item[0], item[2]), work))
    failures = 0
    for (path, template, case), ours in zip(work, got):
        expected = by_jinja2(template, case)
        if differs(expected, ours):
            failures += 1
            if failures <= 10:
                print(f"{path.name}: {json.dumps(case, ensure_ascii=False)}\n  jinja2: {expected!r}\n  vivace: {ours!r}")
    print(f"{len(work)} conversations over {len(paths)} templates, {failures} differ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
