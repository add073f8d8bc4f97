"""The systemd unit is one: systemd-analyze verify finds nothing wrong with it."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

UNIT = pathlib.Path(__file__).parents[2] / "packaging" / "vivace.service"


class UnitTest(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze here")
    def test_verify(self):
        with tempfile.TemporaryDirectory() as folder:
            # The program is not installed where the unit expects it.
            unit = pathlib.Path(folder) / UNIT.name
            unit.write_text(UNIT.read_text().replace("/usr/bin/vivace", "/bin/true"))
            run = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
        self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
