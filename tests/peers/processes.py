"""Processes a test starts: free ports, waiting until they listen, and an end
for each of them that touches no other process of the machine."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time


def free_port():
    """A port of 127.0.0.1 that nobody listens on, and that the system gives to nobody who asks for any (ip(7),
    ip_local_port_range): what listens there later is whom it was meant for."""
    while True:
        port = random.randrange(14000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_until(what, condition, seconds=30):
    """The first true answer of `condition`; an error naming `what` without one."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for_port(port, process=None, seconds=30):
    def ready():
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode} before it listened on {port}")
        return listens(port)

    wait_until(f"port {port} listens", ready, seconds)


def end(process, seconds=20):
    """SIGTERM, and SIGKILL to the one that does not heed it. A process that
    was started by strace is told itself: strace would only let go of it."""
    if process.poll() is None:
        os.kill(traced(process.pid) or process.pid, signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def traced(pid):
    """The child of a strace; none of any other process."""
    of = pathlib.Path(f"/proc/{pid}")
    if of.joinpath("comm").read_text().strip() != "strace":
        return None
    children = of.joinpath(f"task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def as_root(*command):
    """The command, by sudo where we are somebody else."""
    return list(command) if os.geteuid() == 0 else ["sudo", "-n", *command]


def needed(program):
    """Where a program is; an error (never a skip) where it is not installed."""
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if path is None:
        raise FileNotFoundError(f"{program} is not installed: tests/all installs what the tests need")
    return path


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def kill(pid):
    os.kill(pid, signal.SIGKILL)
