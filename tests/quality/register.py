#!/usr/bin/env python3
"""Makes sets as registers have them: few fields, no contact points, whole families.

    register.py --seed 3 --fields birth --out target/quality/register

--fields birth: names and date of birth, every copy with one error (as in RLdata). --fields place: names, date of birth
often missing or the year only, postal code and town, several errors (as in histories). --fields home: names, date of
birth, full address, whole households (as in a census). The same seed makes the same set.
"""
import argparse, json, os, random

from generate import World, typo, typo_digits
from names import SHORT


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--people", type=int, default=6000)
    parser.add_argument("--fields", choices=("birth", "place", "home"), default="birth")
    parser.add_argument("--out", default="target/quality/register")
    args = parser.parse_args()
    world = World(args.seed)
    r = world.random
    while len(world.people) < args.people:
        world.household()
    rows = []
    for person in world.people:
        copies = {"birth": 1 + (r.random() < 0.12), "place": 1 + int(r.expovariate(0.5)), "home": 1 + (r.random() < 0.6)}[args.fields]
        for copy in range(copies):
            rows.append((person, write(world, person, args.fields, copy)))
    r.shuffle(rows)
    os.makedirs(args.out, exist_ok=True)
    with open(f"{args.out}/records.ndjson", "w", encoding="utf-8") as records, open(f"{args.out}/truth.csv", "w") as truth:
        truth.write("source,external_id,entity,tags\n")
        for number, (person, data) in enumerate(rows):
            records.write(json.dumps({"type": "customer", "source": "register", "external_id": f"r{number}",
                "updated_at": "2026-01-01T00:00:00Z", "identifiers": [], "data": data}, ensure_ascii=False) + "\n")
            truth.write(f"register,r{number},{person.entity},\n")
    with open(f"{args.out}/negatives.csv", "w") as out:
        out.write("entity,entity,kind\n")
        for one, other, kind in world.negatives:
            out.write(f"{one.entity},{other.entity},{kind}\n")
    print(f"{len(rows)} records of {len(world.people)} people")


def write(world, person, fields, copy):
    r = world.random
    given, family = person.given, person.family
    year, month, day = person.birth
    errors = []
    if copy and fields == "birth":
        errors = [r.choice(["given", "family", "birth"])]
    elif fields != "birth":
        errors = [error for error in ("given", "family", "birth", "code", "street", "nickname", "move") if r.random() < 0.12]
    if "given" in errors:
        given = typo(r, given)
    if "family" in errors:
        family = typo(r, family)
    if "nickname" in errors:
        given = r.choice(SHORT.get(person.given, [given]))
    if "birth" in errors:
        at = r.choice(["day", "month", "year"])
        day = r.randint(1, 28) if at == "day" else day
        month = r.randint(1, 12) if at == "month" else month
        year = year + r.choice([-1, 1, 10, -10]) if at == "year" else year
    if fields == "place" and r.random() < 0.3:
        month = day = 1
    names = {"given_name": given, "family_name": family}
    if fields != "place" or r.random() < 0.75:
        names["birth_date"] = f"{year:04d}-{month:02d}-{day:02d}"
    if fields == "birth":
        return {"person": names}
    home = dict(person.homes[0 if "move" in errors else -1])
    home.pop("prefix")
    if "code" in errors:
        home["postal_code"] = typo_digits(r, home["postal_code"])
    if "street" in errors:
        home["street"] = typo(r, home["street"])
    if fields == "place":
        home.pop("street"), home.pop("house_number")
        if r.random() < 0.2:
            home.pop(r.choice(["postal_code", "city"]))
    return {"person": names, "addresses": [{**home, "country": "DE"}]}


if __name__ == "__main__":
    main()
