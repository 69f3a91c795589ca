#!/usr/bin/env python3
"""Scores the hub itself: imports labelled sets through the real intake and scores what it made of them.

    hub.py target/quality/german target/quality/febrl1
    hub.py --obhut target/release/obhut --orders 5 target/quality/german

For each set a new hub (SQLite, in a directory that is gone afterwards) is told the sources, then `obhut import` takes
records.ndjson in the order of the file, and score.py scores `obhut graph assignments --format csv`. --orders N imports it
again in N - 1 other orders (seeds 1, 2, …) and says how far F1 lies apart. --resolve runs `obhut graph resolve` before
scoring. --database-url takes a PostgreSQL server instead, which must be empty; then only one set in one order can be scored.
"""
import argparse, csv, io, json, os, random, re, resource, sqlite3, subprocess, sys, tempfile, time, uuid
from collections import Counter, defaultdict
from contextlib import redirect_stdout

import score


def run(obhut, home, *arguments, stdin=None):
    done = subprocess.run([obhut, *arguments, *home], input=stdin, capture_output=True)
    if done.returncode and b"were refused" not in done.stderr:
        sys.exit(f"obhut {' '.join(arguments)}: {done.stderr.decode()[-2000:]}")
    return done


def imported(args, lines, folder):
    """Imports the lines into a new hub; the assignments, and what the command said."""
    with tempfile.TemporaryDirectory(prefix="obhut-quality-") as place:
        home = ["--data-dir", f"{place}/data"] + (["--database-url", args.database_url] if args.database_url else [])
        for source in sorted({json.loads(line)["source"] for line in lines}):
            run(args.obhut, home, "import", "--quiet", "--format", "ndjson", "--source", source, "-", stdin=b"")
        file = f"{place}/records.ndjson"
        with open(file, "w", encoding="utf-8") as out:
            out.writelines(lines)
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
        told = run(args.obhut, home, "import", "--quiet", file)
        if args.resolve:
            run(args.obhut, home, "graph", "resolve")
        after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.time() - started
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        run(args.obhut, home, "graph", "assignments", "--format", "csv", "--output", f"{folder}/hub.csv")
        said = told.stdout.decode().strip().splitlines()[-1]
        print(f"{folder}: {said}")
        asked = ""
        if not args.database_url:
            book = sqlite3.connect(f"file:{place}/data/records.db?mode=ro", uri=True) if os.path.exists(f"{place}/data/records.db") else None
            if book:
                questions = book.execute("SELECT one_id, other_id FROM review WHERE state = 1").fetchall()
                owners = owners_of(folder)
                right = sum(is_right(owners, question) for question in questions) / max(len(questions), 1)
                asked = f", {1000 * len(questions) / len(lines):.0f} reviews per 1,000, {right:.2f} of them about one person"
        print(f"{cpu:.1f} CPU s, {took:.1f} s{asked}")


def owners_of(folder):
    """How many records of each person of the hub belong to whom, by their ids as the store has them."""
    with open(f"{folder}/truth.csv", encoding="utf-8") as file:
        truth = {(row["source"], row["external_id"]): row["entity"] for row in csv.DictReader(file)}
    owners = defaultdict(Counter)
    with open(f"{folder}/hub.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            owners[uuid.UUID(row["subject_id"]).bytes][truth.get((row["source"], row["external_id"])) or None] += 1
    return owners


def is_right(owners, question):
    """Is a question about one person: do most records of both sides belong to the same?"""
    one, other = (owners[bytes(side)].most_common(1) or [(None, 0)] for side in question)
    return one[0][0] is not None and one[0][0] == other[0][0]


def scored(folder, brief):
    with redirect_stdout(io.StringIO()) as told:
        score.main(folder, f"{folder}/hub.csv")
    text = told.getvalue()
    print("\n".join(text.splitlines()[:3]) if brief else text)
    return [float(f1) for f1 in re.findall(r"F1 ([0-9.]+)", text)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--obhut", default="target/release/obhut")
    parser.add_argument("--orders", type=int, default=1)
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--database-url")
    args = parser.parse_args()
    for folder in args.folders:
        lines = open(f"{folder}/records.ndjson", encoding="utf-8").readlines()
        found = []
        for order in range(args.orders):
            if order:
                random.Random(order).shuffle(lines)
            imported(args, lines, folder)
            found.append(scored(folder, args.brief or order > 0))
        for name, values in zip(("pairs", "B-cubed"), zip(*found)) if args.orders > 1 else ():
            print(f"{folder}: F1 of {name} in {args.orders} orders: {min(values):.4f} to {max(values):.4f}")


if __name__ == "__main__":
    main()
