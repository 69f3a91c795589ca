#!/usr/bin/env python3
"""What grouping everything anew costs in CPU, against Splink on the same records and the same machine.

    target/quality/venv/bin/python tests/quality/resolve_cost.py target/quality/german99
    target/quality/venv/bin/python tests/quality/resolve_cost.py --runs 3 --obhut target/release/obhut target/quality/german99

A new hub (SQLite, gone afterwards) imports records.ndjson without grouping it anew; then `obhut graph resolve` is run, which reads and
opens every card, compares, joins and writes. Splink (with_splink.py, its version pinned in README.md) gets the same file, and is
charged from the first comparison on, without reading and cleaning the file. CPU is user and system time of the whole process, so that
threads count. The runs take turns; told are the middle ones and their ratio. Both results are scored, since cheap and wrong is no bargain.
"""
import argparse, io, json, re, resource, statistics, subprocess, sys, tempfile
from contextlib import redirect_stdout
from pathlib import Path

import score

HERE = Path(__file__).parent


def cpu_of(command, **more):
    """CPU seconds of a command and its children, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, **more)
    if done.returncode and b"were refused" not in done.stderr:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.decode()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout.decode()


def scored(folder, assignments):
    with redirect_stdout(io.StringIO()) as told:
        score.main(folder, assignments)
    return ", ".join(re.findall(r"F1 [0-9.]+", told.getvalue()))


def hub(args, place):
    home = ["--data-dir", f"{place}/data"]
    lines = open(f"{args.folder}/records.ndjson", encoding="utf-8")
    for source in sorted({json.loads(line)["source"] for line in lines}):
        cpu_of([args.obhut, "import", "--quiet", "--format", "ndjson", "--source", source, "-", *home], input=b"")
    imported, _ = cpu_of([args.obhut, "import", "--quiet", "--no-resolve", f"{args.folder}/records.ndjson", *home])
    resolved, told = cpu_of([args.obhut, "graph", "resolve", *home])
    again, _ = cpu_of([args.obhut, "graph", "resolve", *home])
    cpu_of([args.obhut, "graph", "assignments", "--format", "csv", "--output", f"{place}/hub.csv", *home])
    print(f"hub: import {imported:.1f} CPU s, resolve {resolved:.1f}, again with nothing to change {again:.1f}: {told.strip().splitlines()[-1]}")
    return resolved, again, scored(args.folder, f"{place}/hub.csv")


def splink(args, place):
    command = [sys.executable, HERE / "with_splink.py", args.folder, "--out", f"{place}/splink.csv"]
    whole, told = cpu_of(command)
    compared = float(re.search(r"([0-9.]+) CPU s", told).group(1))
    print(f"Splink: {compared:.1f} CPU s, {whole:.1f} with reading and cleaning the file")
    return compared, scored(args.folder, f"{place}/splink.csv")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--obhut", default="target/release/obhut")
    parser.add_argument("--runs", type=int, default=1)
    args = parser.parse_args()
    ours, theirs = [], []
    for _ in range(args.runs):
        with tempfile.TemporaryDirectory(prefix="obhut-cost-") as place:
            ours.append(hub(args, place))
            theirs.append(splink(args, place))
    middle = lambda found, at: statistics.median(run[at] for run in found)
    resolve, again, other = middle(ours, 0), middle(ours, 1), middle(theirs, 0)
    print(f"resolve {resolve:.1f} CPU s ({ours[-1][2]}), Splink {other:.1f} CPU s ({theirs[-1][1]}): {resolve / other:.2f}")
    print(f"with nothing to change {again:.1f} CPU s: {again / other:.2f}")


if __name__ == "__main__":
    main()
