#!/usr/bin/env python3
"""What tracing costs: a storm of short processes, untraced and traced, by us and by others, in one run.

trace.py [--rounds N] [--spawns N] [--at-once N]

In every round the storm runs once with each tracer, in an order that changes. Prints, as medians:
the CPU time of a spawn (all of the storm, so what the kernel does for the tracer is in it) and how much
more that is than in the same round untraced, with a 95 % confidence interval (bootstrap); the
tracer's own CPU time per spawn, its CPU time until it is attached, its memory after the storm; the
kernel's time per event (kernel.bpf_stats_enabled, in a run of its own), and what was lost. Asserts
that we lost nothing, and no duration. As root; needs execsnoop and exitsnoop (libbpf-tools) and bpftrace.
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TICK_USEC = 1e6 / os.sysconf("SC_CLK_TCK")
BPFTRACE = """
tracepoint:sched:sched_process_exec { printf("exec %d %s\\n", pid, str(args->filename)); }
tracepoint:sched:sched_process_exit /pid == tid/ { printf("exit %d %s\\n", pid, comm); }
"""
STATS = Path("/proc/sys/kernel/bpf_stats_enabled")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=16)
    options.add_argument("--spawns", type=int, default=4000)
    options.add_argument("--at-once", type=int, default=1)
    options = options.parse_args()
    examples = build()
    storm = [str(examples / "storm"), str(options.spawns), str(options.at_once)]
    tracers = {
        "sysdiag-trace": [str(examples / "watch")],
        "execsnoop": ["/usr/sbin/execsnoop"],
        "exitsnoop": ["/usr/sbin/exitsnoop"],
        "bpftrace": ["bpftrace", "-e", BPFTRACE],
    }
    for name, command in list(tracers.items()):
        if not shutil.which(command[0]):
            print(f"{name} is not here (apt-get install libbpf-tools bpftrace)", file=sys.stderr)
            del tracers[name]

    rounds = []
    names = ["untraced", *tracers]
    for number in range(options.rounds):
        order = names[number % len(names):] + names[: number % len(names)]
        rounds.append({name: one(storm, tracers.get(name), options.spawns) for name in order})
    events = {name: per_event(storm, command) for name, command in tracers.items()}

    print(f"{options.rounds} rounds of {options.spawns} spawns, {options.at_once} at once, "
          f"Linux {os.uname().release}, medians")
    print(f"{'':14} {'us/spawn':>9} {'more, %':>8} {'95 % interval':>16} {'own us/spawn':>13} "
          f"{'attach ms':>10} {'RSS MiB':>8} {'ns/event':>9} {'lost':>6}")
    lost = 0
    for name in names:
        of = [each[name] for each in rounds]
        line = f"{name:14} {median(of, 'spawn'):9.1f}"
        if name != "untraced":
            more = [100 * (each[name]["spawn"] / each["untraced"]["spawn"] - 1) for each in rounds]
            low, high = interval(more)
            gone = [each["lost"] for each in of if each["lost"] is not None]
            lost += sum(gone) if name == "sysdiag-trace" else 0
            line += (f" {statistics.median(more):8.2f} {f'{low:.2f} .. {high:.2f}':>16} {median(of, 'own'):13.2f}"
                     f" {median(of, 'attach'):10.0f} {median(of, 'rss'):8.1f} {events[name]:9.0f}"
                     f" {sum(gone) if gone else '?':>6}")
        print(line)
    sys.exit(1 if lost else 0)


def build():
    cargo = ["cargo", "build", "--quiet", "--release", "--package", "sysdiag-trace", "--examples"]
    subprocess.run(cargo, cwd=PROJECT, check=True)
    metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    metadata = subprocess.run(metadata, cwd=PROJECT, check=True, capture_output=True)
    return Path(json.loads(metadata.stdout)["target_directory"]) / "release/examples"


def one(storm, tracer, spawns):
    """A storm: CPU microseconds of a spawn, and what the tracer took."""
    if tracer is None:
        return {"spawn": json.loads(subprocess.check_output(storm))["cpu_usec_per_spawn"]}
    with Tracer(tracer) as traced:
        before = traced.cpu_usec()
        spawn = json.loads(subprocess.check_output(storm))["cpu_usec_per_spawn"]
        settle(traced)
        own = (traced.cpu_usec() - before) / spawns
        figures = {"spawn": spawn, "own": own, "attach": traced.attach_usec / 1e3, "rss": traced.rss_mib()}
    return figures | {"lost": traced.lost}


def per_event(storm, tracer):
    """Nanoseconds of the kernel in one run of one of its programs, over all of them."""
    with Tracer(tracer) as traced:
        STATS.write_text("1")
        try:
            subprocess.check_output(storm)
        finally:
            STATS.write_text("0")
        return traced.ns_per_event()


class Tracer:
    """A tracer at work, its output thrown away but for what it says at the end."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.output = b""
        deadline = time.monotonic() + 60
        # At work when it says so, or when its links are there and it has come to rest.
        while b"attached\n" not in self.output:
            self.drain()
            if self.links() and b"watch" not in command[0].encode() and settle(self):
                break
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command[0]} does not trace: {self.output.decode()}")
            time.sleep(0.02)
        self.attach_usec = self.cpu_usec()
        os.set_blocking(self.process.stdout.fileno(), True)
        self.reader = subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL) \
            if b"attached\n" not in self.output else None
        self.lost = None

    def drain(self):
        try:
            self.output += os.read(self.process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            pass

    def file(self, name):
        return Path(f"/proc/{self.process.pid}/{name}")

    def fdinfo(self):
        for file in self.file("fdinfo").iterdir():
            try:
                yield file.read_text()
            except OSError:
                pass

    def links(self):
        # Links of BPF, or perf events that programs are attached to.
        names = (os.readlink(link) for link in self.file("fd").iterdir())
        return any("bpf_link" in name or "bpf-link" in name or "perf_event" in name for name in names)

    def cpu_usec(self):
        fields = self.file("stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK_USEC

    def rss_mib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", self.file("status").read_text())[1]) / 1024

    def ns_per_event(self):
        runs = nanoseconds = 0
        for text in self.fdinfo():
            if count := re.search(r"run_cnt:\s+(\d+)", text):
                runs += int(count[1])
                nanoseconds += int(re.search(r"run_time_ns:\s+(\d+)", text)[1])
        return nanoseconds / runs if runs else float("nan")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.reader:
            self.process.terminate()
            self.process.wait()
            self.reader.wait()
            return
        os.set_blocking(self.process.stdout.fileno(), True)
        figures = json.loads(self.process.communicate()[0].splitlines()[-1])
        self.lost = sum(figures["lost"].values())


def settle(traced):
    """Waits until it takes no more CPU time: all it was told is read."""
    last = -1
    while (now := traced.cpu_usec()) != last:
        last = now
        time.sleep(0.3)
    return True


def median(of, key):
    return statistics.median(each[key] for each in of)


def interval(values, draws=4000):
    """95 % of the medians of samples drawn again from the values."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(draws))
    return medians[draws // 40], medians[-draws // 40]


main()
