"""Compares a report's boot figures with what systemd-analyze printed for the same boot.

    boot_agrees.py REPORT TIME BLAME_BEFORE BLAME_AFTER CHAIN_BEFORE CHAIN_AFTER

Prints one line for each disagreement; silence is agreement.  systemd-analyze was run before and
after the report: lines that differ between the two are of units that ran again and prove nothing.
"""

import json
import re
import sys

UNITS = [
    ("y", 31_557_600_000_000),
    ("month", 2_629_800_000_000),
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
]


def span(usec):
    """A duration as systemd-analyze shows it: to the millisecond, cut, not rounded."""
    words = []
    for name, size in UNITS:
        if usec < 1_000 and words:
            break
        if usec < size:
            continue
        whole, usec = divmod(usec, size)
        if name == "s" and usec >= 1_000:
            words.append(f"{whole}.{usec // 1_000:03}s")
            break
        if name == "s" and usec:
            words.append(f"{whole}.000s")
            break
        words.append(f"{whole}{name}")
    return " ".join(words) or "0"


def read(path):
    with open(path, encoding="utf-8") as file:
        return [line.rstrip() for line in file]


def times(boot, lines):
    """`Startup finished in 1s (kernel) + 2s (userspace) = 3s` and the line about the target."""
    shown = boot["times"]
    match = re.fullmatch(r"Startup finished in (.*?)(?: = (.*))?", lines[0])
    if not match:
        return [f"cannot read {lines[0]!r}"]
    theirs = {}
    for phase in match[1].split(" + "):
        value, name = re.fullmatch(r"(.*) \((.*)\)", phase).groups()
        theirs[name] = value
    theirs["total"] = match[2] or theirs["userspace"]
    ours = {key.removesuffix("_usec"): span(value) for key, value in shown.items()}
    bad = [
        f"time, {name}: systemd {theirs.get(name)}, report {ours.get(name)}"
        for name in sorted(theirs.keys() | ours.keys())
        if theirs.get(name) != ours.get(name)
    ]
    target = re.fullmatch(r"(\S+) reached after (.*) in userspace\.?", lines[1]) if lines[1:] else None
    if target:
        ours = (boot.get("default_target"), span(boot.get("default_target_reached_usec", 0)))
        if ours != target.groups():
            bad.append(f"target: systemd {target.groups()}, report {ours}")
    elif "default_target_reached_usec" in boot:
        bad.append("target: systemd names none, the report does")
    return bad


def blame(boot, before, after):
    def table(lines):
        rows = [re.fullmatch(r"\s*(.*\S) (\S+)", line).groups() for line in lines if line]
        return {unit: value for value, unit in rows}

    first, second = table(before), table(after)
    steady = {unit: value for unit, value in second.items() if first.get(unit) == value}
    ours = {row["unit"]: span(row["time_usec"]) for row in boot["blame"]}
    bad = [
        f"blame: {unit}: systemd {value}, report {ours.get(unit)}"
        for unit, value in steady.items()
        if ours.get(unit) != value
    ]
    bad += [f"blame: {unit}: not in systemd's" for unit in ours if unit not in first | second]
    durations = [row["time_usec"] for row in boot["blame"]]
    if durations != sorted(durations, reverse=True):
        bad.append("blame is not sorted by time")
    if len(steady) < 10 or len(steady) < len(second) - 3:
        bad.append(f"only {len(steady)} of {len(second)} lines of blame could be compared")
    return bad


def chain(boot, before, after):
    def rows(lines):
        found = []
        for line in lines:
            match = re.fullmatch(r"([ │├└─]*)(\S+)(?: @(.*?))?(?: \+(.*))?", line)
            if match and match[2] != "The":
                found.append((len(match[1]) // 2, match[2], match[3], match[4]))
        return found

    theirs = rows(after)
    if rows(before) != theirs:
        return ["critical-chain changed in between"]

    def shown(row, key):
        return span(row[key]) if key in row else None

    ours = [
        (row["depth"], row["unit"], shown(row, "at_usec"), shown(row, "took_usec"))
        for row in boot["critical_chain"]
    ]
    bad = [f"critical chain: systemd {a}, report {b}" for a, b in zip(theirs, ours) if a != b]
    if len(theirs) != len(ours):
        bad.append(f"critical chain: systemd has {len(theirs)} lines, the report {len(ours)}")
    if len(theirs) < 3:
        bad.append("systemd's critical chain has fewer than 3 lines: nothing was compared")
    return bad


def main():
    report, *others = sys.argv[1:]
    with open(report, encoding="utf-8") as file:
        boot = json.load(file)["boot_analysis"]
    time_lines, blame_before, blame_after, chain_before, chain_after = map(read, others)
    bad = times(boot, time_lines)
    bad += blame(boot, blame_before, blame_after)
    bad += chain(boot, chain_before, chain_after)
    print("\n".join(bad[:20]), end="\n" if bad else "")


main()
