"""The machine that is measured on: whether anybody else uses it, and what it is."""
import datetime, os, platform, re, resource
from pathlib import Path

MOST_STEAL, MOST_OTHERS = 0.01, 0.05  # of the machine's time during a pair


class Watch:
    """CPU time of the whole machine and of our children, to tell whether anybody else was running."""

    def __init__(self):
        self.start = self.read()

    @staticmethod
    def read():
        fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        own = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
        tick = os.sysconf("SC_CLK_TCK")
        return {"total": sum(fields[:8]) / tick, "idle": (fields[3] + fields[4]) / tick, "steal": fields[7] / tick,
                "own": sum(usage.ru_utime + usage.ru_stime for usage in own)}

    def foreign(self):
        """(steal, others) since the last call, as shares of the machine's time."""
        now, then = self.read(), self.start
        self.start = now
        d = {k: now[k] - then[k] for k in now}
        total = max(d["total"], 1e-9)
        return d["steal"] / total, max(0.0, (d["total"] - d["idle"] - d["steal"] - d["own"]) / total)

    def disturbed(self):
        """What else the machine did since the last call, in words; empty where the time was ours alone."""
        steal, others = self.foreign()
        return f"steal {steal:.1%}, others {others:.1%}" if steal > MOST_STEAL or others > MOST_OTHERS else ""


def cpu():
    """What the processor calls itself."""
    names = [l.split(":", 1)[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines() if l.startswith("model name")]
    return names[0] if names else platform.machine()


def short_name(cpu):
    """The same as part of a file's name: results of one file are of one machine."""
    words = re.sub(r"\((r|tm)\)|\b(processor|cpu)\b|@.*", "", cpu.lower())
    return "-".join(re.findall(r"[a-z0-9]+", words)) or "unknown"


def facts():
    pages = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return {"cpu": cpu(), "cpus": os.cpu_count(), "system": platform.platform(),
            "huge_pages": pages.read_text().strip() if pages.exists() else "unknown",
            "date": datetime.date.today().isoformat()}
