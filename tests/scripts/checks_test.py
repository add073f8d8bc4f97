"""The checks of scripts/ find what they are there for: each mistake is planted in a copy of the tree."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTS = ROOT / "scripts"


def run_check(name, *arguments):
    command = [sys.executable, str(SCRIPTS / f"check_{name}.py"), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


class TreeCopy(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        shutil.copytree(ROOT / "src", self.root / "src")
        (self.root / "docs").mkdir()

    def tearDown(self):
        self.folder.cleanup()

    def plant(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def finds(self, check, path, text, message):
        """The check fails, names the planted file, and says why."""
        self.plant(path, text)
        code, output = run_check(check, "--root", self.root)
        self.assertEqual(code, 1, output)
        lines = [line for line in output.splitlines() if line.startswith(path)]
        self.assertTrue(any(message in line for line in lines), f"{path}, {message}:\n{output}")

    def accepts(self, check, path, text):
        """The check says nothing about the planted file."""
        self.plant(path, text)
        output = run_check(check, "--root", self.root)[1]
        self.assertNotIn(path, output)


class Layers(TreeCopy):
    def test_includes_that_climb_or_cross(self):
        self.plant("src/engine/above.h", "")
        self.plant("src/quant/beside.h", "")
        self.finds("layers", "src/base/planted.cpp", '#include "engine/above.h"\n', "is below engine/")
        self.finds("layers", "src/gguf/planted.cpp", '// x\n#include "quant/beside.h"\n', "strangers")
        self.finds("layers", "src/models/planted.cpp", '#include "backends/cpu/any.h"\n', "same rank")

    def test_includes_that_go_down_pass(self):
        self.plant("src/quant/below.h", "")
        self.accepts("layers", "src/device/planted.cpp", '#include "quant/below.h"\n#include <vector>\n')

    def test_a_header_that_is_not_there(self):
        self.finds("layers", "src/engine/planted.cpp", '#include "base/no_such.h"\n', "no such file")

    def test_only_the_registry_names_backends(self):
        self.plant("src/backends/cpu/part.h", "")
        line = '#include "backends/cpu/part.h"\n'
        self.finds("layers", "src/engine/planted.cpp", line, "only backends/registry.cpp")
        self.finds("layers", "src/backends/vulkan/planted.cpp", line, "only backends/registry.cpp")
        self.finds("layers", "src/backends/planted.cpp", line, "only backends/registry.cpp")
        self.accepts("layers", "src/backends/registry.cpp", line)
        self.accepts("layers", "src/backends/cpu/planted.cpp", line)

    def test_intrinsics_and_platform_conditions_have_a_home(self):
        self.finds("layers", "src/engine/planted.cpp", "#include <immintrin.h>\n", "intrinsics")
        self.accepts("layers", "src/backends/cpu/planted2.cpp", "#include <immintrin.h>\n")
        self.finds("layers", "src/engine/planted.cpp", "#if defined(__linux__)\n#endif\n", "platform #if")
        self.finds("layers", "src/quant/planted.cpp", "#ifdef __AVX2__\n#endif\n", "processor #if")
        self.accepts("layers", "src/base/os/planted.cpp", "#ifdef __linux__\n#endif\n")
        self.finds("layers", "src/engine/planted.cpp", "#include <sys/mman.h>\n", "base/os/")

    def test_libraries_stay_behind_their_wrapper(self):
        self.finds("layers", "src/engine/planted.cpp", "#include <nlohmann/json.hpp>\n", "behind its wrapper")
        self.finds("layers", "src/engine/planted.cpp", "#include <unknown/library.h>\n", "no row in LIBRARIES")
        self.finds("layers", "src/engine/planted.cpp", "#include <gtest/gtest.h>\n", "outside tests")
        self.accepts("layers", "src/engine/planted_test.cpp", "#include <gtest/gtest.h>\n")

    def test_comments_do_not_count(self):
        self.accepts("layers", "src/base/planted.cpp", '// #include "engine/x.h"\n/*\n#include "engine/y.h"\n*/\n')

    def test_a_folder_without_rank(self):
        self.finds("layers", "src/misc/planted.cpp", "", "rank")


class Sizes(TreeCopy):
    def test_long_files(self):
        self.finds("sizes", "src/base/planted.cpp", "int a;\n" * 801, "801 lines")
        self.accepts("sizes", "src/base/planted.cpp", "// generated data table\n" + "int a;\n" * 900)

    def test_long_functions(self):
        body = "  call();\n" * 119
        for head in ("void f() {\n", "int C::g(int a = 1) const noexcept {\n", "C::C() : a_(1) {\n", "bool operator==(A a, B b) {\n"):
            text = "namespace vivace {\nclass C {\n};\n" + head + body + "}\n}\n"
            self.finds("sizes", "src/base/planted.cpp", text, "a function of 121 lines")
        self.accepts("sizes", "src/base/planted.cpp", "namespace n {\nvoid f() {\n" + "  call();\n" * 118 + "}\n}\n")

    def test_data_and_strings_are_no_functions(self):
        self.accepts("sizes", "src/base/planted.cpp", "constexpr int kTable[] = {\n" + "  1,\n" * 300 + "};\n")
        self.accepts("sizes", "src/base/planted.cpp", 'const char* kText = "void f() {";\n' + "int a;\n" * 200)

    def test_long_python_functions(self):
        self.finds("sizes", "scripts/planted.py", "def f():\n" + "    pass\n" * 120, "a function of 121 lines")


class Docs(TreeCopy):
    def test_names_that_lead_nowhere(self):
        self.finds("docs", "docs/page.md", "See `src/base/no_such_file.h`.\n", "no_such_file.h")
        self.finds("docs", "docs/page.md", "See [there](elsewhere.md).\n", "elsewhere.md")
        self.finds("docs", "docs/page.md", "See `bsae/error.h`.\n", "bsae/error.h")
        self.finds("docs", "docs/page.md", "See `base/error.h/.cc`.\n", "base/error.cc")

    def test_names_that_lead_somewhere(self):
        text = "`src/base/error.h` `base/error.h` `base/error.h/.cpp` `base/os/` [x](../src/base/README.md) `models/arch/x.cpp` `a/b`\n"
        self.accepts("docs", "docs/page.md", text)

    def test_a_folder_without_readme(self):
        self.plant("src/engine/planted/a.h", "")
        self.assertIn("src/engine/planted: has no README.md", run_check("docs", "--root", self.root)[1])


class IsaSymbols(TreeCopy):
    def compile(self, text):
        source = self.root / "avx2.cpp"
        source.write_text(text, encoding="utf-8")
        target = self.root / "avx2.cpp.o"
        subprocess.run(["c++", "-std=c++20", "-c", str(source), "-o", str(target)], check=True)
        return target

    def test_a_template_that_others_may_call(self):
        target = self.compile("#include <vector>\nnamespace vivace::isa_avx2 {\nvoid f(std::vector<int>& v) { v.push_back(1); }\n}\n")
        code, output = run_check("isa_symbols", target)
        self.assertEqual(code, 1, output)
        self.assertIn("vector", output)

    def test_its_own_functions_pass(self):
        text = (
            "static int h() { return 1; }\n"
            "namespace vivace::isa_avx2 {\n"
            "template <int N> int g() { return N + h(); }\n"
            "int f() { return g<3>(); }\n"
            "}\n"
        )
        target = self.compile(text)
        self.assertEqual(run_check("isa_symbols", target)[0], 0)
        self.assertEqual(run_check("isa_symbols", target, "--allow", "vivace::isa_avx2")[0], 0)
        self.assertEqual(run_check("isa_symbols", target, "--allow", "vivace::isa_neon")[0], 1)


if __name__ == "__main__":
    unittest.main()
