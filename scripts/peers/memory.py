"""Memory of a process, and what a plan says it will be."""
import json, subprocess


def anonymous(pid):
    """RssAnon of the process in bytes; 0 where it has ended."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    return 0


def planned(vivace, model, options=()):
    """Bytes on all devices by `vivace plan`."""
    done = subprocess.run([vivace, "plan", model, "--json", *options], capture_output=True, text=True, check=True)
    return sum(row["total_bytes"] for row in json.loads(done.stdout)["memory"])
