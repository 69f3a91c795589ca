#!/usr/bin/env python3
"""Scores assignments against the truth.

    score.py target/quality/german assignments.csv

assignments.csv is what `obhut graph assignments --format csv` writes: source,external_id,subject_id. The folder holds
truth.csv and, for the German set, negatives.csv. Records without an entity in truth.csv are left out.
"""
import csv, signal, sys
from collections import Counter, defaultdict


def pairs(sizes):
    return sum(n * (n - 1) // 2 for n in sizes)


def main(folder, assignments):
    truth, tags = {}, {}
    for row in csv.DictReader(open(f"{folder}/truth.csv", encoding="utf-8")):
        if row["entity"]:
            key = (row["source"], row["external_id"])
            truth[key], tags[key] = row["entity"], set(filter(None, (row.get("tags") or "").split("|")))
    found = {(row["source"], row["external_id"]): row["subject_id"] for row in csv.DictReader(open(assignments, encoding="utf-8"))}
    missing = [key for key in truth if key not in found]
    for number, key in enumerate(missing):
        found[key] = f"missing-{number}"
    groups, people, both = defaultdict(list), defaultdict(list), Counter()
    for key, entity in truth.items():
        groups[found[key]].append(key)
        people[entity].append(key)
        both[found[key], entity] += 1
    right, told, true = pairs(both.values()), pairs(map(len, groups.values())), pairs(map(len, people.values()))
    precision, recall = right / max(told, 1), right / max(true, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-12)
    n = len(truth)
    b_precision = sum(c * c / len(groups[g]) for (g, _), c in both.items()) / n
    b_recall = sum(c * c / len(people[e]) for (_, e), c in both.items()) / n
    b_f1 = 2 * b_precision * b_recall / (b_precision + b_recall)
    print(f"records {n}, people {len(people)}, groups {len(groups)}, largest {max(map(len, groups.values()))}, not imported {len(missing)}")
    print(f"pairs    P {precision:.4f}  R {recall:.4f}  F1 {f1:.4f}")
    print(f"B-cubed  P {b_precision:.4f}  R {b_recall:.4f}  F1 {b_f1:.4f}")
    slices = defaultdict(lambda: [0, 0])
    for keys in people.values():
        for i, one in enumerate(keys):
            for other in keys[:i]:
                for tag in tags[one] | tags[other]:
                    slices[tag][0] += 1
                    slices[tag][1] += found[one] == found[other]
    for tag, (all_, hit) in sorted(slices.items(), key=lambda item: item[1][1] / item[1][0]):
        print(f"  recall {hit / all_:.3f} of {all_:6d}  {tag}")
    try:
        rows = list(csv.reader(open(f"{folder}/negatives.csv", encoding="utf-8")))[1:]
    except FileNotFoundError:
        return
    kinds, named = defaultdict(lambda: [0, 0, 0]), 0
    counted = set()
    for one, other, kind in rows:
        if one in people and other in people:
            ours, theirs = Counter(found[k] for k in people[one]), Counter(found[k] for k in people[other])
            wrong = sum(ours[g] * theirs[g] for g in ours)
            kinds[kind][0] += 1
            kinds[kind][1] += wrong > 0
            kinds[kind][2] += wrong
            if frozenset((one, other)) not in counted:
                named += wrong
            counted.add(frozenset((one, other)))
    for kind, (all_, joined, wrong) in sorted(kinds.items()):
        print(f"  joined {joined:4d} of {all_:5d} ({wrong:5d} pairs of records)  {kind}")
    print(f"  other wrong pairs: {told - right - named} of {told - right}")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
