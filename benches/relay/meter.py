"""What a relay costs: processor time, memory, and syncs of its processes."""

import os
import pathlib
import re
import threading

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(roots):
    """Every process below the roots, and they themselves."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat(entry.name)):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [root for root in roots if root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children.get(pid, []))
    return found


def stat(pid):
    """The fields of /proc/PID/stat from the state on; none if it has gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def processor_seconds(roots):
    """User and system time of the tree, and of those it has already buried."""
    total = 0
    for pid in tree(roots):
        if fields := stat(pid):
            total += sum(int(fields[at]) for at in (11, 12, 13, 14))
    return total / TICKS


def resident(roots):
    """Octets resident in the tree, process by process (RSS): those of pages
    that several share are counted for each."""
    total = 0
    for pid in tree(roots):
        if fields := stat(pid):
            total += int(fields[21]) * PAGE
    return total


def memory(roots):
    """Octets resident in the tree, shared pages counted once (PSS)."""
    total = 0
    for pid in tree(roots):
        try:
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if pss := re.search(r"^Pss:\s+(\d+) kB", rollup, re.M):
            total += int(pss[1]) * 1024
    return total


class Peak:
    """The most memory seen between enter and exit, looked at twice a second."""

    def __init__(self, roots):
        self.roots, self.octets = roots, 0
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self._watch)

    def _watch(self):
        while True:
            self.octets = max(self.octets, memory(self.roots))
            if self.over.wait(0.5):
                return

    def __enter__(self):
        self.watcher.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.watcher.join()


SYNCS = "fsync,fdatasync,syncfs,sync_file_range,msync,sync"


def counting_syncs(folder):
    """The command to start a relay under, so that `syncs` can be read of the
    folder after it has ended. Only the calls counted are stopped at."""
    return ["strace", "-f", "--seccomp-bpf", "-ff", "-qq", "--trace", SYNCS, "-o", str(pathlib.Path(folder) / "calls")]


def syncs(folder):
    return sum(
        len(re.findall(r"^\w+\(", file.read_text(errors="replace"), re.M))
        for file in pathlib.Path(folder).glob("calls*")
    )


def octets_on_disk(folder):
    """What the disk under a folder has been made to write so far, by anybody;
    what waits in memory is written first."""
    os.sync()
    device = os.stat(folder).st_dev
    statistics = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text().split()
    return int(statistics[6]) * 512
