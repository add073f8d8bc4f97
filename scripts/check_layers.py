#!/usr/bin/env python3
"""Fails when a folder of src/ includes one that is not below it, a library outside its wrapper, or platform code
outside its home. The ranks are those of ARCHITECTURE.md and CMakeLists.txt."""

import re

from source_tree import CPP_SUFFIXES, files_below, finish, parse_root, without_comments_and_strings

# A folder may include folders of lower rank; folders of one rank are strangers.
RANKS = {
    "base": 0,
    "gguf": 1,
    "quant": 1,
    "text": 1,
    "device": 2,
    "backends": 3,
    "models": 3,
    "plan": 4,
    "engine": 5,
    "store": 5,
    "net": 5,
    "catalog": 5,
    "bench": 6,
    "chat": 6,
    "advise": 6,
    "tune": 7,
    "server": 7,
    "gpu_check": 7,
    "cli": 8,
}

# Third-party header (prefix) -> the places below src/ that may include it (prefixes). One wrapper each.
LIBRARIES = {
    "nlohmann/": ["base/json"],
    "hwloc": ["base/os/"],
    "pcre2": ["text/"],
    "utf8proc": ["text/"],
    "vivace_text": ["text/"],
    "spdlog/": ["cli/"],
    "fmt/": ["cli/"],
    "CLI/": ["cli/"],
    "histedit.h": ["cli/"],
    "editline/": ["cli/"],
    "curl/": ["net/", "cli/"],
    "openssl/": ["net/", "cli/"],
    "boost/": ["net/"],
    "sqlite3": ["store/"],
    "toml++/": ["catalog/"],
    "prometheus/": ["server/"],
    "vulkan/": ["backends/vulkan/"],
    "cuda": ["backends/cuda/"],
    "cublas": ["backends/cuda/"],
    "nvrtc": ["backends/cuda/"],
    "mma.h": ["backends/cuda/"],
    "hip/": ["backends/cuda/"],
}

# Headers of the processor: only in the backends that are written for it.
INTRINSICS = ["immintrin.h", "x86intrin.h", "xmmintrin.h", "emmintrin.h", "arm_neon.h", "arm_sve.h", "arm_acle.h", "cpuid.h"]
# Headers of the operating system: base/os wraps it; the command line talks to the terminal; backends ask the processor.
SYSTEM = re.compile(
    r"^(sys/|mach/|linux/|asm/|unistd\.h|fcntl\.h|sched\.h|pthread\.h|signal\.h|termios\.h|poll\.h|dlfcn\.h|windows\.h"
    r"|psapi\.h|io\.h|intrin\.h|pwd\.h|langinfo\.h|spawn\.h|dirent\.h|glob\.h|pty\.h|netdb\.h|netinet/|arpa/)"
)
SYSTEM_HOMES = ["base/os/", "cli/", "backends/", "net/"]
TEST_LIBRARIES = re.compile(r"^(gtest|gmock|benchmark)/")
TEST_FILE = re.compile(r"(_test|_bench|_fuzz)\.cpp$|(^|/)test_|_test\w*\.h$")

OS_MACROS = re.compile(r"\b(__linux__|__linux|_WIN32|_WIN64|__APPLE__|__unix__|__FreeBSD__|__ANDROID__|_MSC_VER|__MINGW32__)\b")
CPU_MACROS = re.compile(r"\b(__x86_64__|__i386__|__aarch64__|__arm__|__riscv|_M_X64|_M_ARM64|__AVX\w*|__SSE\w*|__FMA__|__ARM_\w+)\b")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b(.*)")


def check_own_include(module, file, target):
    """Problem of `#include "target"` in src/<file>, or None."""
    other = target.split("/")[0]
    if other not in RANKS:
        return check_library_include(file, target)
    if other == "backends" and module != "backends":
        if RANKS[module] > RANKS["backends"] and target in ("backends/registry.h", "backends/pretend.h"):
            return None
        if RANKS[module] > RANKS["backends"]:
            return f"only backends/registry.cpp names a backend: {target}"
    if module == other == "backends" and target.count("/") > 1 and file != "backends/registry.cpp":
        backend = target.split("/")[1]
        if not file.startswith(f"backends/{backend}/"):
            return f"only backends/registry.cpp and backends/{backend}/ name {target}"
    if module != other and RANKS[other] == RANKS[module]:
        return f"{module}/ and {other}/ are of the same rank, so strangers: {target}"
    if module != other and RANKS[other] > RANKS[module]:
        return f"{module}/ (rank {RANKS[module]}) is below {other}/ (rank {RANKS[other]}): {target}"
    return None


def check_library_include(file, target):
    """Problem of including a header that is not ours in src/<file>, or None."""
    if target in INTRINSICS:
        return None if re.match(r"backends/[^/]+/", file) else f"intrinsics live under backends/<name>/: {target}"
    if SYSTEM.match(target):
        allowed = TEST_FILE.search(file) or any(file.startswith(home) for home in SYSTEM_HOMES)
        return None if allowed else f"system headers live in base/os/: {target}"
    if TEST_LIBRARIES.match(target):
        return None if TEST_FILE.search(file) else f"a test library outside tests: {target}"
    for prefix, homes in LIBRARIES.items():
        if target.startswith(prefix):
            if any(file.startswith(home) for home in homes):
                return None
            return f"{target} belongs behind its wrapper in {', '.join(homes)}"
    if "/" in target or "." in target:
        return f"{target}: no row in LIBRARIES of scripts/check_layers.py says who wraps it"
    return None


def check_condition(file, condition):
    """Problem of an #if line in src/<file>, or None."""
    if file.startswith("base/os/") or file == "backends/registry.cpp":
        return None
    if OS_MACROS.search(condition):
        return "platform #if outside base/os/ and backends/registry.cpp"
    if CPU_MACROS.search(condition) and not re.match(r"backends/[^/]+/", file):
        return "processor #if outside backends/<name>/ and base/os/"
    return None


def check_file(root, path):
    file = path.relative_to(root / "src").as_posix()
    module = file.split("/")[0]
    if "/" not in file or module not in RANKS:
        return [f"src/{file}: not in a folder that has a rank"]
    problems = []
    text = without_comments_and_strings(path.read_text(encoding="utf-8"))
    for number, line in enumerate(text.split("\n"), 1):
        problem = None
        if match := INCLUDE.match(line):
            quoted = match.group(1) == '"'
            check = check_own_include(module, file, match.group(2)) if quoted else check_library_include(file, match.group(2))
            problem = check
            if quoted and problem is None and match.group(2).split("/")[0] in RANKS:
                if not (root / "src" / match.group(2)).is_file():
                    problem = f"no such file: src/{match.group(2)}"
        elif match := CONDITION.match(line):
            problem = check_condition(file, match.group(2))
        if problem:
            problems.append(f"src/{file}:{number}: {problem}")
    return problems


def main():
    root = parse_root(__doc__).root
    problems = []
    for path in files_below(root / "src", CPP_SUFFIXES):
        problems += check_file(root, path)
    finish("layers", problems)


if __name__ == "__main__":
    main()
