"""Whether the findings of a report are those of a table, exactly, each below its cause.

findings_agree.py REPORT LANE SUITE [CONTROLLER...] < TABLE; prints every difference.

A line of the table is `severity key`; what it causes stands below it, indented by four more. Behind
` | ` a regular expression that the title or the evidence of the finding says.  Behind ` @` where
the line holds: the name of a lane, a suite or a cgroup controller.  A `?` in front: perhaps.
`#` begins a comment.  A key may have blanks in it.
"""

import json
import re
import sys

# What is true of the machine that the tests run on: it is busy, and the guest sees it.
MACHINE = {f"{name}-pressure-high:host" for name in ("cpu", "io", "memory")}


def table(lines, here):
    """(severity, key, cause, regex, perhaps) of each line that holds here."""
    above = []
    for number, line in enumerate(lines, 1):
        line = line.split("#")[0].rstrip()
        line, _, regex = line.partition(" | ")
        line, _, places = line.partition(" @")
        line = line.rstrip()
        if not line:
            continue
        depth, rest = divmod(len(line) - len(line.lstrip()), 4)
        perhaps = line.split()[0] == "?"
        words = line.split(maxsplit=1 + perhaps)
        if rest or depth > len(above) or len(words) != 2 + perhaps:
            sys.exit(f"line {number} of the table: {line}")
        severity, key = words[perhaps:]
        above[depth:] = [key]
        if not set(places.split()) <= here:
            continue
        yield severity, key, above[depth - 1] if depth else None, regex, perhaps


def said(finding):
    """Title, evidence and next step as one text."""
    evidence = (str(value) for item in finding["evidence"] for value in item.values())
    return "\n".join([finding["title"], *evidence, finding.get("next", "")])


def line(severity, key, cause):
    return f"{severity} {key}" + (f" < {cause}" if cause else "")


def main():
    with open(sys.argv[1]) as file:
        report = json.load(file)
    found = {f["key"]: f for f in report["findings"] if f["key"] not in MACHINE}
    for severity, key, cause, regex, perhaps in table(sys.stdin, set(sys.argv[2:])):
        finding = found.pop(key, None)
        if finding is None:
            if not perhaps:
                print(f"not found: {line(severity, key, cause)}")
            continue
        if (finding["severity"], finding.get("cause")) != (severity, cause):
            print(f"not as planted: {line(finding['severity'], key, finding.get('cause'))}")
            print(f"      expected: {line(severity, key, cause)}")
        if regex and not re.search(regex, said(finding)):
            print(f"{key} does not say /{regex}/: {finding['title']}")
    for key, finding in found.items():
        print(f"not planted: {line(finding['severity'], key, finding.get('cause'))}: {finding['title']}")


main()
