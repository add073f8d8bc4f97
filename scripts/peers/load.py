"""Times: loading a model beside reading its file, and from the command to the first token beside llama.cpp."""
import mmap, os, subprocess, sys, threading, time

from . import pairs
from .memory import anonymous
from .programs import PEER_ENVIRONMENT, version_of

START_FLAGS = (("-lm", "mmap", "--no-warmup"), ("-lm", "mmap", "--no-warmup", "--no-repack"))  # the faster one counts
PIECE = 16 << 20  # bytes of one read()


def read_in_parallel(path, threads):
    """Seconds to read() the file into fresh memory on huge pages, as a load has it at least."""
    size, pieces, lock = os.path.getsize(path), iter(range(0, os.path.getsize(path), PIECE)), threading.Lock()
    start = time.perf_counter()
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # shared memory would get other pages
    with mmap.mmap(-1, size, flags=private) as memory, open(path, "rb") as file, memoryview(memory) as view:
        memory.madvise(mmap.MADV_HUGEPAGE)

        def work():  # read() runs without Python's lock
            while True:
                with lock:
                    at = next(pieces, None)
                if at is None:
                    return
                with view[at:at + PIECE] as piece:
                    os.preadv(file.fileno(), [piece], at)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return time.perf_counter() - start


def peak_anonymous(command, environment=None):
    """(most RssAnon in bytes while the command ran, its standard output)."""
    process = subprocess.Popen([str(x) for x in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env={**os.environ, **(environment or {})})
    peak = 0
    while process.poll() is None:
        peak = max(peak, anonymous(process.pid))
        time.sleep(0.002)
    with process.stdout as output:
        return peak, output.read()


def measure_load(case, model, _peers, setup, _before):
    loads, memory = [], []

    def ours():
        out = setup.vivace.bench(case, model, setup.threads, 1, 0, 1)
        loads.append(out["settings"]["memory"][0])
        return out["load_seconds"]

    def theirs():
        return read_in_parallel(model, setup.threads)

    good, dropped = pairs.alternate(setup.pairs, ours, theirs, lambda: None,
                                    lambda text: print(f"\r{case.name}: {text} ", end="", file=sys.stderr, flush=True))
    print(file=sys.stderr)
    if not good:
        return None
    peak, _ = peak_anonymous([setup.vivace.binary, "bench", model, "--prompt", 0, "--generate", 1, "--repeat", 1,
                              "--threads", setup.threads, "--json"])
    summary, needed = pairs.summary(good, dropped), loads[-1]["weights_bytes"] + loads[-1]["kv_bytes"]
    return {"unit": "s", "best_peer": "read()", "peers": [{"peer": "read()", "flags": "parallel, huge pages", "version": "", **summary}],
            "ours": summary["ours"], "peak_anonymous_bytes": peak, "needed_bytes": needed}


def first_output(command, environment=None):
    """Seconds from the start of the command to the first byte it prints."""
    start = time.perf_counter()
    process = subprocess.Popen([str(x) for x in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    first = process.stdout.read(1)
    seconds = time.perf_counter() - start
    process.stdout.read()
    if process.wait() != 0 or not first:
        raise pairs.Refused(f"{command[0]} printed nothing")
    return seconds


def measure_start(case, model, _peers, setup, _before):
    binary = setup.peers / "bin/llama-completion"
    if not binary.exists():
        raise pairs.Refused(f"no {binary}: scripts/build_peers.sh builds it")
    prompt = "Hello"

    def ours():
        return first_output([setup.vivace.binary, "run", model, prompt, "--server", "none", "--raw", "--max-tokens", 4, "--temperature", 0,
                             "--ignore-eos", "--quiet", "--threads", setup.threads])

    def start_with(flags):
        return first_output([binary, "-m", model, "-p", prompt, "-n", 4, "--temp", 0, "--ignore-eos", "-no-cnv",
                             "--no-display-prompt", "-t", setup.threads, *flags], PEER_ENVIRONMENT)

    flags = min(START_FLAGS, key=start_with)

    def theirs():
        return start_with(flags)

    good, dropped = pairs.alternate(setup.pairs, ours, theirs, lambda: None,
                                    lambda text: print(f"\r{case.name}: {text} ", end="", file=sys.stderr, flush=True))
    print(file=sys.stderr)
    if not good:
        return None
    summary = pairs.summary(good, dropped)
    return {"unit": "s", "ours": summary["ours"], "best_peer": "llama.cpp",
            "peers": [{"peer": "llama.cpp", "flags": " ".join(flags), "version": version_of(binary), **summary}]}


def achieved(result):
    figures = {"time": result["peers"][0]["ratio"]}
    if "needed_bytes" in result:
        figures["memory"] = result["peak_anonymous_bytes"] / result["needed_bytes"]
    return figures
