#!/usr/bin/env python3
"""Makes sets of people outside of Germany, with few fields and many errors.

    foreign.py --seed 3 --kind history --out target/quality/history3

--kind history: people of former centuries as many sources tell of them: a name with its variants, a date of birth that is
often missing, a year only or wrong, a town and a postal code that changes. Some eight records each, families, no contact data.
--kind short: a small list of people, some four records each, of name, date of birth, town and mailbox: every field may be
missing, and most records have several errors. The same seed makes the same set.
"""
import argparse, json, os, random

from generate import typo, typo_digits

MALE = """John William Thomas Henry Robert James Edward Charles George Richard Francis Frederick Arthur Alfred Walter Joseph
Samuel Hugh Edmund Philip Anthony Alexander Nicholas Ralph Christopher Benjamin David Daniel Peter Matthew Stephen Andrew
Herbert Albert Ernest Percy Oliver Leonard Simon Patrick Gilbert Roger Reginald Harold Cuthbert Ambrose Giles Jasper Noah
Jack Harry Alfie Charlie Leo Oscar Archie Theo Ethan Logan Mason""".split()
FEMALE = """Mary Elizabeth Anne Margaret Catherine Jane Sarah Alice Frances Dorothy Eleanor Charlotte Emma Harriet Isabella
Caroline Florence Edith Ellen Martha Susan Rebecca Lucy Agnes Grace Amelia Olivia Emily Ava Mia Evie Poppy Ella Lily Sophia
Freya Scarlett Chloe Daisy Phoebe Alexandra Rosamund Winifred Beatrice Constance""".split()
SHORT = {"William": ["Will", "Bill"], "Thomas": ["Tom", "Thos"], "Henry": ["Harry"], "Robert": ["Rob", "Bob"], "James": ["Jim"],
    "Edward": ["Ned", "Ted", "Edw"], "Charles": ["Charlie", "Chas"], "Richard": ["Dick", "Richd"], "Frederick": ["Fred"],
    "Joseph": ["Joe"], "Samuel": ["Sam"], "Philip": ["Phil"], "Anthony": ["Tony"], "Alexander": ["Alex", "Sandy"],
    "Nicholas": ["Nick"], "Christopher": ["Chris", "Kit"], "Benjamin": ["Ben"], "Daniel": ["Dan"], "Matthew": ["Matt"],
    "Andrew": ["Andy"], "Albert": ["Bert"], "Elizabeth": ["Eliza", "Betty", "Bess"], "Margaret": ["Maggie", "Peggy"],
    "Catherine": ["Kate", "Katherine", "Kitty"], "Anne": ["Ann", "Anna"], "Sarah": ["Sally", "Sara"], "Frances": ["Fanny"],
    "Eleanor": ["Nell", "Ellen"], "Susan": ["Sue"], "Rebecca": ["Becky"], "Emily": ["Em"], "Oliver": ["Ollie"], "John": ["Jack"]}
SURNAMES = """Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts
Green Hall Wood Jackson Clarke Harris Clark Turner Hill Cooper Ward Moore Morris King Baker Harrison Morgan Allen Scott
Watson Parker Bennett Young Price Griffiths Mitchell Cook Carter Richardson Bailey Collins Bell Shaw Murphy Miller Cox
Marshall Simpson Anderson Foster Palmer Hunt Mason Knight Howard Russell Chapman Stone Webb Holmes Barnes Fletcher Grant
Dixon Percy Seymour Fairfax Cavendish Talbot Stanley Clifford Neville Courtenay Mohun Chaloner Fermor Wyndham Trelawny
Pakington Throckmorton Lyttelton Molesworth Ponsonby""".split()
BEGINNINGS = "Ash Bar Black Brad Brook Bux Cal Chat Clay Craw Dun East Fen Ham Hart Hather Kel Lang Marl North Pem Rad Shel South Stan Thorn Wake Wal West Wil".split()
ENDS = "brook bury by combe cote cott dale field ford ham ington land ley man more ridge sey stock ton well wick wood worth".split()
TOWNS = """London Bristol York Norwich Exeter Oxford Cambridge Lincoln Chester Durham Edinburgh Glasgow Dublin Birmingham
Manchester Liverpool Leeds Sheffield Plymouth Hull Portsmouth Southampton Swansea Derby Bath Truro Bodmin Taunton Winchester
Canterbury Maidstone Ipswich Shrewsbury Worcester Gloucester Hereford Lancaster Carlisle Newcastle Nottingham""".split()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--people", type=int)
    parser.add_argument("--kind", choices=("history", "short"), default="history")
    parser.add_argument("--out", default="target/quality/foreign")
    args = parser.parse_args()
    r = random.Random(f"{args.kind} {args.seed}")
    people = [person for _ in range(args.people or (250 if args.kind == "short" else 1500)) for person in family(r, args.kind)]
    if args.kind == "short":
        people = people[:args.people or 250]
    rows = []
    for number, person in enumerate(people):
        copies = r.choice([1, 2, 3, 4, 4, 5, 6, 7]) if args.kind == "short" else 1 + int(r.expovariate(1 / 7))
        rows += [(number, said(r, person) if args.kind == "history" else typed(r, person)) for _ in range(copies)]
    r.shuffle(rows)
    os.makedirs(args.out, exist_ok=True)
    with open(f"{args.out}/records.ndjson", "w") as records, open(f"{args.out}/truth.csv", "w") as truth:
        truth.write("source,external_id,entity,tags\n")
        for number, (person, (identifiers, data)) in enumerate(rows):
            records.write(json.dumps({"type": "customer", "source": "list", "external_id": f"r{number}",
                "updated_at": "2026-01-01T00:00:00Z", "identifiers": identifiers, "data": data}) + "\n")
            truth.write(f"list,r{number},p{person},\n")
    print(f"{len(rows)} records of {len(people)} people")


def surname(r):
    if r.random() < 0.5:
        return r.choices(SURNAMES, [1 / (at + 3) ** 0.8 for at in range(len(SURNAMES))])[0]
    return r.choice(BEGINNINGS) + r.choice(ENDS)


def given(r, sex):
    words = MALE if sex == "m" else FEMALE
    return r.choices(words, [1 / (at + 2) ** (0.9) for at in range(len(words))])[0]


def family(r, kind):
    """One person, or in history now and then a father and a son, or brothers."""
    sex, name, town = r.choice("mmmf" if kind == "history" else "mf"), surname(r), r.choice(TOWNS)
    year = r.randint(1580, 1900) if kind == "history" else r.randint(1950, 2020)
    people = [make(r, sex, name, town, year, kind)]
    if kind == "history" and r.random() < 0.12:
        other = make(r, r.choice("mf"), name, town, year + r.choice([-4, -2, 2, 3, 5, 25, 28, 33]), kind)
        if r.random() < 0.4 and abs(other["birth"][0] - year) > 20:
            other["given"] = people[0]["given"]
        people.append(other)
    return people


def make(r, sex, name, town, year, kind):
    first = given(r, sex)
    code = f"{town[:2].lower()}{r.randint(1, 20)} {r.randint(1, 9)}{r.choice('abdefghjlnpqrstuwxyz')}{r.choice('abdefghjlnpqrstuwxyz')}"
    second = given(r, sex) if r.random() < 0.3 else None
    birth = (year, r.randint(1, 12), r.randint(1, 28))
    if kind == "history" and r.random() < 0.25:
        birth = (year, 1, 1)
    host = f"{surname(r).lower()}{r.choice(['', '-' + surname(r).lower()])}.{r.choice(['com', 'net', 'org', 'info', 'biz'])}"
    mail = f"{first.lower()}{r.choice(['', '.' + name.lower(), name[0].lower()])}{r.randint(10, 99)}@{host}"
    return {"given": first, "second": second, "family": name, "town": town, "code": code, "birth": birth, "mail": mail}


def slips(r, text, often, most=2):
    """Errors of one letter each, the first and the last letters too."""
    for _ in range(most):
        if r.random() < often:
            at = r.randrange(len(text))
            how = r.choice(["drop", "wrong", "swap", "more"])
            letter = r.choice("abcdefghijklmnoprstuvwy")
            text = {"drop": text[:at] + text[at + 1:], "wrong": text[:at] + letter + text[at + 1:],
                "swap": text[:at] + text[at + 1:at + 2] + text[at] + text[at + 2:], "more": text[:at] + letter + text[at:]}[how]
    return text


def day(r, birth, wrong, often):
    year, month, day = birth
    for _ in range(2):
        if r.random() < wrong:
            at = r.choice(often)
            day = r.randint(1, 28) if at == "day" else day
            month = r.randint(1, 12) if at == "month" else month
            year = year + r.choice([-1, 1, 2, -2, 5, 10, -10]) if at == "year" else year
    return f"{year:04d}-{month:02d}-{day:02d}"


def said(r, person):
    """What a source tells of somebody of a former century."""
    first, name = person["given"], person["family"]
    if r.random() < 0.12:
        first = r.choice(SHORT.get(first, [first]))
    elif r.random() < 0.03:
        first = first[0]
    if r.random() < 0.1:
        first = typo(r, first)
    if r.random() < 0.12:
        name = typo(r, name)
    if person["second"] and r.random() < 0.6:
        first = f"{first} {person['second']}"
    if r.random() < 0.04:
        first, name = name, first
    told = {"full_name": f"{r.choice(['Sir ', '', '', ''])}{first} {name}"} if r.random() < 0.3 else {"given_name": first, "family_name": name}
    if r.random() < 0.05:
        told = {"family_name": name}
    birth = person["birth"]
    if r.random() < 0.12:
        birth = (birth[0], 1, 1)
    if r.random() < 0.82:
        told["birth_date"] = day(r, birth, 0.1, ["day", "month", "year"])
    place = {"country": "GB"}
    if r.random() < 0.8:
        place["city"] = person["town"] if r.random() < 0.88 else r.choice(TOWNS)
    if r.random() < 0.9:
        place["postal_code"] = person["code"]
        if r.random() < 0.25:
            place["postal_code"] = typo_digits(r, person["code"][:-3]) + person["code"][-3:] if r.random() < 0.4 else f"{person['code'][:4].strip()} {r.randint(1, 9)}zz"
    return [], {"person": told, "addresses": [place]} if len(place) > 1 else {"person": told}


def typed(r, person):
    """What somebody typed who did not look."""
    first, name, told = person["given"], person["family"], {}
    if r.random() < 0.06:
        first = r.choice(SHORT.get(first, [first]))
    if r.random() < 0.04:
        first, name = name, first
    if r.random() < 0.84:
        told["given_name"] = slips(r, first, 0.16)
    if r.random() < 0.84:
        told["family_name"] = slips(r, name, 0.16)
    told["birth_date"] = day(r, person["birth"], 0.17, ["month", "year", "day"])
    identifiers = []
    if r.random() < 0.8:
        mail = slips(r, person["mail"].replace("@", " "), 0.2, 3).replace(" ", "@")
        if mail.count("@") == 1 and not mail.startswith("@"):
            identifiers.append({"kind": "email", "value": mail})
    data = {"person": told}
    if r.random() < 0.8:
        data["addresses"] = [{"city": slips(r, person["town"], 0.18), "country": "GB"}]
    return identifiers, data


if __name__ == "__main__":
    main()
