"""The model files of the cases: synthetic ones are written where they are missing, real ones are looked for."""
import argparse, fnmatch, os, subprocess, sys, tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = "-text"  # a synthetic model with a vocabulary


class Models:
    def __init__(self, table, folder, synth, vocabulary):
        self.table, self.folder, self.synth, self.vocabulary = table, folder, synth, vocabulary

    def path(self, name):
        """Where the model is; writes it where it can."""
        if name in self.table:
            return self.find(self.table[name]["file"])
        path = self.folder / f"{name}.gguf"
        if not path.exists():
            self.write(name, path)
        return path

    def find(self, file):
        home = Path(os.environ.get("VIVACE_HOME") or Path.home() / ".local/share/vivace")
        places = [self.folder / file, home / "models" / file]
        found = next((p for p in places if p.exists()), None)
        return found or sys.exit(f"no {file} in {' or '.join(str(p.parent) for p in places)}: scripts/setup.sh --tests fetches it")

    def write(self, name, path):
        size, _, quant = name.removesuffix(TEXT).partition("-")
        if not self.synth.exists():
            sys.exit(f"no {path}: a {self.table[size]['shape']} with random weights in {quant}. Give the program that writes "
                     "such models (--synth synth_gguf.py), or put the file there")
        if name.endswith(TEXT) and not self.vocabulary.exists():
            sys.exit(f"no {self.vocabulary} for the vocabulary of {path}")
        self.folder.mkdir(parents=True, exist_ok=True)
        vocabulary = ["--vocab", self.vocabulary] if name.endswith(TEXT) else ["--no-vocab"]
        part = path.with_suffix(".part")
        print(f"writing {path}", file=sys.stderr)
        subprocess.run([sys.executable, self.synth, "--shape", self.table[size]["shape"], "--quant", quant, *vocabulary, part],
                       check=True, stdout=subprocess.DEVNULL)
        part.rename(path)


def warm(path):
    """Puts the file into the page cache."""
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(8 << 20)
        while file.readinto(buffer):
            pass


def options(about):
    """The options of a bench of Vivace alone: the program, and of which models."""
    ap = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--vivace", type=Path, default=ROOT / "build/release/vivace")
    ap.add_argument("--models", type=Path, default=ROOT / "build/bench-models", help="folder of the model files")
    ap.add_argument("--synth", type=Path, default=ROOT / "../shared/tools/synth_gguf.py", help="program that writes synthetic models")
    ap.add_argument("--case", nargs="+", default=["*"], metavar="GLOB", help="which models, such as '1b-*'")
    return ap


def wished(args, names):
    """(name, file) of those of the names that --case lets through, each put into the page cache when its turn comes."""
    store = Models(tomllib.loads((ROOT / "bench/peers.toml").read_text())["models"], args.models, args.synth, Path("none"))
    for name in names:
        if any(fnmatch.fnmatch(name, glob) for glob in args.case):
            path = store.path(name)
            warm(path)
            yield name, path
