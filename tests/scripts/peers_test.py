"""scripts/peers: the cases of bench/peers.toml, the sums behind the roof, the statistics, targets and the plot."""

import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from peers import cases, load, machine, pairs, plot, programs, results, roof, speed  # noqa: E402


def row(peer, good):
    return {"peer": peer, "flags": "-fa 1", "version": "1", **pairs.summary(good, 0)}


class Cases(unittest.TestCase):
    def test_lists_become_cases(self):
        table = {"name": "d-{depth}/{model}-{kv}", "models": ["a", "b"], "measure": "decode", "depth": 8, "kv": ["f16", "q8_0"]}
        names = [case.name for case in cases.expand(table)]
        self.assertEqual(names, ["d-8/a-f16", "d-8/a-q8_0", "d-8/b-f16", "d-8/b-q8_0"])

    def test_the_file_is_sound(self):
        every, models, groups = cases.read_cases(ROOT / "bench/peers.toml")
        names = [case.name for case in every]
        self.assertEqual(len(names), len(set(names)))
        for case in every:
            self.assertTrue(case.model in models or case.model.split("-")[0] in models, case.model)
        self.assertTrue(groups)

    def test_a_wrong_target_is_named(self):
        with self.assertRaises(SystemExit) as ended:
            cases.check(cases.Case("x", "decode", "m", targets={"bset": 1}))
        self.assertIn("bset", str(ended.exception))


class Statistics(unittest.TestCase):
    def test_ratio_is_the_median_of_pairs(self):
        summary = pairs.summary([(10, 5), (30, 10), (8, 2)], 1)
        self.assertEqual((summary["ratio"], summary["ours"], summary["theirs"], summary["pairs"]), (3, 10, 5, 3))
        self.assertTrue(summary["ratio_low"] <= 3 <= summary["ratio_high"])

    def test_interval_tightens_with_agreement(self):
        low, high = pairs.interval([2.0] * 9 + [9.0])
        self.assertEqual((low, high), (2.0, 2.0))

    def test_the_best_peer_counts(self):
        result = {"peers": [row("llama.cpp", [(6, 2)]), row("ik_llama.cpp", [(6, 4)])], "roof_share": 0.5}
        figures = speed.achieved(result)
        self.assertEqual((figures["best"], figures["llama.cpp"], figures["roof"]), (1.5, 3, 0.5))


class Programs(unittest.TestCase):
    def test_json_among_messages(self):
        self.assertEqual(programs.json_rows('main: ready\n{"pl": 1}\nwarming up {"pl": 2}\n{ broken\n'), [{"pl": 1}, {"pl": 2}])


class Machine(unittest.TestCase):
    def test_names_of_files(self):
        self.assertEqual(machine.short_name("Intel(R) Xeon(R) Processor"), "intel-xeon")
        self.assertEqual(machine.short_name("Intel(R) Core(TM) i7-1165G7 CPU @ 2.80GHz"), "intel-core-i7-1165g7")
        self.assertEqual(machine.short_name("AMD EPYC"), "amd-epyc")


class Roof(unittest.TestCase):
    CARD = {
        "hyperparameters": {"tied_output": False, "embedding": 10, "vocabulary": 100},
        "tensors": [{"name": "token_embd.weight", "dims": [10, 100], "bytes": 500},
                    {"name": "output.weight", "dims": [10, 100], "bytes": 600},
                    {"name": "blk.0.attn_q.weight", "dims": [10, 10], "bytes": 70},
                    {"name": "blk.0.attn_norm.weight", "dims": [10], "bytes": 40}],
        "layers": [{"window": 0, "kv_heads": 2, "key_dim": 5, "value_dim": 5}, {"window": 8, "kv_heads": 2, "key_dim": 5, "value_dim": 5}],
    }

    def test_bytes_of_a_token(self):
        case = cases.Case("x", "decode", "m", tokens=64, depth=100)
        self.assertEqual(roof.bytes_per_token(self.CARD, case), 600 + 70 + 40 + (132 + 8) * 20 * 2)

    def test_macs_of_a_token(self):
        self.assertEqual(roof.macs_per_token(self.CARD, cases.Case("x", "decode", "m", tokens=64)), 100 + 1000)
        self.assertEqual(roof.macs_per_token(self.CARD, cases.Case("x", "prefill", "m", tokens=500)), 100 + 2)

    def test_the_better_page_size_counts(self):
        limits = roof.Limits("vivace", 2)
        for normal, large in ((10, 30), (20, 5), (30, 10)):
            limits.samples.append({"stream_bytes_per_second": {"normal_pages": normal, "large_pages": large}, "int8_macs_per_second": 7})
        self.assertEqual((limits.stream(), limits.int8()), (20, 7))


class Results(unittest.TestCase):
    def test_verdicts(self):
        both = cases.Case("x", "decode", "m", targets={"best": 1.5, "roof": 0.9})
        self.assertEqual(results.verdict(both, {"best": 1.6, "roof": 0.95})[1], "met")
        self.assertIn("roof", results.verdict(both, {"best": 1.6, "roof": 0.8})[1])
        self.assertEqual(results.verdict(both, {"best": 1.6})[1], "not measured")
        either = cases.Case("x", "decode", "m", targets={"best": 1.5, "roof": 0.9}, either=True)
        self.assertEqual(results.verdict(either, {"best": 1.6, "roof": 0.8})[1], "met")
        self.assertIn("missed", results.verdict(cases.Case("x", "load", "m", targets={"time": 1.5}), {"time": 1.6})[1])

    def test_results_are_kept_case_by_case(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "peers.json"
            for name in ("a", "b"):
                results.keep(path, results.read(path), cases.Case(name, "decode", "m"), {"unit": "tokens/s"}, "1", 2)
            self.assertEqual(list(results.read(path)["cases"]), ["a", "b"])
            path.write_text('{"schema": 1, "rows": []}')
            self.assertEqual(results.read(path)["cases"], {})

    def test_the_plot_is_xml_with_every_case(self):
        result = {"peers": [row("llama.cpp", [(6, 2)])], "ours": 6, "machine": {"cpu": "A & B", "cpus": 2}, "roof_share": 0.5}
        svg = plot.draw([{"title": "Group", "cases": {"a": "Name <1>", "none": "absent"}}], {"cases": {"a": result}})
        texts = ["".join(node.itertext()) for node in xml.etree.ElementTree.fromstring(svg).iter() if node.tag.endswith("text")]
        for wanted in ("Name <1>", "3.00×", "50% of the limit"):
            self.assertIn(wanted, texts)
        self.assertNotIn("absent", texts)


class Load(unittest.TestCase):
    def test_the_reader_takes_time_and_the_peak_is_seen(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(os.urandom((40 << 20) + 5))
            file.flush()
            self.assertGreater(load.read_in_parallel(file.name, 2), 0)
        code = "import time; block = b'x' * (64 << 20); time.sleep(0.2); print('done')"
        peak, out = load.peak_anonymous([sys.executable, "-c", code])
        self.assertEqual(out.strip(), "done")
        self.assertGreater(peak, 64 << 20)


if __name__ == "__main__":
    unittest.main()
