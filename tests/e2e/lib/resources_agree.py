"""Compares a report's figures of units with cgroup files and `systemctl show`.

    resources_agree.py REPORT BEFORE AFTER PROPS...

BEFORE and AFTER: lines `key value cgroup` read around the report.  PROPS: output of
`systemctl show`, read after it.  Prints one line for each disagreement.
"""

import json
import sys

# These never fall while a unit runs; memory and tasks may, between two readings.
GROWING = {"cpu_usage_usec", "memory_peak_bytes", "io_read_bytes", "io_write_bytes"}
# How far a figure of a steady unit can move away and come back between two readings: the kernel
# charges memory in batches of 64 pages a CPU; a shell forks one child at a time.
MOVES = {"memory_current_bytes": 1 << 20, "tasks_current": 1}
# Memory and tasks of these never rest: the report itself runs in one, and below two more; one
# writes its file anew all the time.
RESTLESS = {"e2e.service", "system.slice", "-.slice", "e2e-io.service"}
PROPERTIES = {
    "CPUUsageNSec": ("cpu_usage_usec", 1000),
    "MemoryCurrent": ("memory_current_bytes", 1),
    "TasksCurrent": ("tasks_current", 1),
    "IOReadBytes": ("io_read_bytes", 1),
    "IOWriteBytes": ("io_write_bytes", 1),
}


def cgroup_files(path):
    table = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            key, value, cgroup = line.rstrip("\n").split(" ", 2)
            table[cgroup, key] = int(value)
    return table


def against_files(units, before, after):
    bad, compared = [], dict.fromkeys([*GROWING, "memory_current_bytes", "tasks_current"], 0)
    for unit in units:
        for key in compared:
            place = unit["cgroup_path"], key
            low, high = before.get(place), after.get(place)
            if low is None or high is None:
                if low == high and key in unit:
                    bad.append(f"{unit['name']}: {key} is {unit[key]}, but there is no such file")
                continue
            if key not in unit:
                bad.append(f"{unit['name']}: {key} is missing, the file said {low}")
            elif key in GROWING and not low <= unit[key] <= high:
                bad.append(f"{unit['name']}: {key} is {unit[key]}, the file said {low} to {high}")
            elif key in MOVES and not low - MOVES[key] <= unit[key] <= high + MOVES[key]:
                if low <= high and unit["name"] not in RESTLESS:
                    bad.append(f"{unit['name']}: {key} is {unit[key]}, the file said {low} to {high}")
            compared[key] += 1
    bad += [f"only {n} units could be compared by {key}" for key, n in compared.items()
            if n < (1 if key.startswith("io_") else 5)]
    return bad


def against_systemctl(units, before, path):
    with open(path, encoding="utf-8") as file:
        shown = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    unit = next((unit for unit in units if unit["name"] == shown["Id"]), None)
    if unit is None:
        return [f"{shown['Id']}: not in unit_usage"]
    bad = []
    for name, (key, divisor) in PROPERTIES.items():
        # "[not set]": systemd does not count it.
        if not shown.get(name, "").isdigit() or int(shown[name]) == 2**64 - 1:
            continue
        theirs, ours = int(shown[name]) // divisor, unit.get(key)
        if ours is None:
            bad.append(f"{unit['name']}: {key} is missing, {name} is {theirs}")
        elif key in GROWING and not before.get((unit["cgroup_path"], key), 0) <= ours <= theirs:
            bad.append(f"{unit['name']}: {key} is {ours}, later {name} is {theirs}")
        elif key == "memory_current_bytes" and abs(ours - theirs) > max(theirs, 16 << 20) / 2:
            bad.append(f"{unit['name']}: {key} is {ours}, {name} is {theirs}")
    return bad


def main():
    report, before, after, *props = sys.argv[1:]
    with open(report, encoding="utf-8") as file:
        units = json.load(file)["resource_analysis"]["unit_usage"]
    before, after = cgroup_files(before), cgroup_files(after)
    bad = against_files(units, before, after)
    for path in props:
        bad += against_systemctl(units, before, path)
    names = {unit["cgroup_path"] for unit in units}
    bad += [
        f"{cgroup}: not in unit_usage"
        for cgroup in sorted({cgroup for cgroup, _ in before} & {cgroup for cgroup, _ in after})
        if cgroup.endswith(".service") and cgroup not in names
    ]
    print("\n".join(bad[:20]), end="\n" if bad else "")


main()
