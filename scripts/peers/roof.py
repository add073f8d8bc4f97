"""What the machine allows at most: decode reads every weight and the KV cache once per token, prefill multiplies every
weight of the layers once per token. `vivace hardware --limits` says how fast this machine reads and multiplies now."""
import json, math, statistics

from .programs import BATCH_PROMPT, Refused, run_text

KV_BYTES = {"f32": 4, "f16": 2, "q8_0": 34 / 32}


class Limits:
    """Measured again and again, between the pairs."""

    def __init__(self, vivace, threads, environment=None):
        self.command = [vivace, "hardware", "--limits", "--threads", threads, "--json"]
        self.environment = environment
        self.samples = []

    def sample(self):
        try:
            self.samples.append(json.loads(run_text(self.command, self.environment))["measured"])
        except Refused:
            pass  # an older Vivace, measured to compare: it has no --limits, and then there is no roof

    def stream(self):
        """Bytes per second: the better page size's median."""
        sizes = ("normal_pages", "large_pages")
        return max(statistics.median(s["stream_bytes_per_second"][size] for s in self.samples) for size in sizes)

    def int8(self):
        """Multiply-adds per second."""
        return statistics.median(s["int8_macs_per_second"] for s in self.samples)

    def summary(self):
        if not self.samples:
            return None
        return {"stream_bytes_per_second": self.stream(), "int8_macs_per_second": self.int8(), "samples": len(self.samples)}


def inspect(vivace, model):
    return json.loads(run_text([vivace, "inspect", model, "--json"]))


def bytes_per_token(card, case):
    """Weights without an embedding that is not the output too, and the KV cache of all streams, for one step."""
    tied = card["hyperparameters"]["tied_output"]
    skipped = 0 if tied else next(t["bytes"] for t in card["tensors"] if t["name"] == "token_embd.weight")
    weights = sum(t["bytes"] for t in card["tensors"]) - skipped
    before = case.depth or (BATCH_PROMPT if case.streams else 0)
    positions = before + case.tokens / 2  # on average over the measurement
    kv = 0
    for layer in card["layers"]:
        seen = min(positions, layer["window"]) if layer["window"] else positions
        kv += seen * layer["kv_heads"] * (layer["key_dim"] + layer["value_dim"]) * KV_BYTES[case.kv]
    return weights + kv * max(1, case.streams)


def macs_per_token(card, case):
    """Of the matrices; the output's only for the last token of a prompt."""
    layers = sum(math.prod(t["dims"]) for t in card["tensors"] if t["name"].startswith("blk.") and len(t["dims"]) > 1)
    output = card["hyperparameters"]["embedding"] * card["hyperparameters"]["vocabulary"]
    return layers + output / case.tokens if case.measure == "prefill" else layers + output


def speed_limit(card, case, limits):
    """Tokens per second that the machine allows; None where it was not measured."""
    if not limits.samples:
        return None
    if case.measure == "prefill":
        return limits.int8() / macs_per_token(card, case)
    streams = max(1, case.streams)
    by_bytes = streams * limits.stream() / bytes_per_token(card, case)
    return min(by_bytes, limits.int8() / macs_per_token(card, case))
