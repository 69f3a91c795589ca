#!/usr/bin/env python3
"""Makes a German set: people in households, and what a webshop, Amazon, social networks, a newsletter tool and the books
know of them, with errors. The same seed makes the same set, byte by byte.

    generate.py --seed 7 --people 8000 --out target/quality/german

writes records.ndjson (canonical records for `obhut import`), truth.csv (source,external_id,entity,tags) and
negatives.csv (entity,entity,kind): pairs of people who are easily taken for one.
"""
import argparse, json, os, random, string, unicodedata

from names import *

SURNAMES = [name.replace("_", " ") for name in SURNAMES]
STREETS = [street.replace("_", " ") for street in STREETS]


class Person:
    def __init__(self, number, sex, given, family, birth):
        self.number, self.sex, self.given, self.family, self.birth = number, sex, given, family, birth
        self.second = None
        self.former = None          # family name before marriage
        self.homes = []             # the newest last
        self.mobile = self.landline = None
        self.mailboxes = []
        self.handle = None
        self.company = None
        self.suffix = None
        self.relay = None

    @property
    def entity(self):
        return f"p{self.number}"


class World:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.people, self.negatives, self.records, self.truth = [], [], [], []
        self.used = {"phone": set(), "mail": set(), "handle": set()}
        self.serial = 0
        self.dropped_numbers = []

    # ---- people

    def pick(self, pairs):
        return self.random.choices([p[0] for p in pairs], [p[1] for p in pairs])[0]

    def zipf(self, words, power=0.75):
        return self.random.choices(words, [1 / (i + 4) ** power for i in range(len(words))])[0]

    def surname(self):
        r = self.random
        if r.random() < 0.45:
            return self.zipf(SURNAMES, 0.9)
        return r.choice(BEGINNINGS) + r.choice(ENDS)

    def person(self, sex=None, family=None, year=None):
        r = self.random
        sex = sex or r.choice("mf")
        given = self.zipf(MALE if sex == "m" else FEMALE)
        year = year or int(r.triangular(1938, 2006, 1976))
        birth = (year, r.randint(1, 12), r.randint(1, 28))
        person = Person(len(self.people), sex, given, family or self.surname(), birth)
        if r.random() < 0.15:
            person.second = self.zipf(MALE if sex == "m" else FEMALE)
        self.people.append(person)
        return person

    def home(self, near=None):
        r = self.random
        if near and r.random() < 0.6:
            town, prefix = near["city"], near["prefix"]
        else:
            weights = [t[2] + 1.5 for t in TOWNS]
            town, prefix, _ = r.choices(TOWNS, weights)[0]
        code = prefix + f"{r.randint(1, 40) * 20 + r.randint(0, 9):03d}"
        street = self.zipf(STREETS, 0.5) if r.random() < 0.6 else self.surname() + r.choice(["straße", "weg", "gasse", "platz", "straße", "allee"])
        number = str(min(int(r.expovariate(1 / 25)) + 1, 180)) + (r.choice("abc") if r.random() < 0.12 else "")
        return {"street": street, "house_number": number, "postal_code": code, "city": town, "prefix": prefix}

    def fresh(self, kind, make):
        for _ in range(50):
            value = make()
            if value not in self.used[kind]:
                self.used[kind].add(value)
                return value
        return value

    def mobile(self):
        r = self.random
        if self.dropped_numbers and r.random() < 0.02:
            return self.dropped_numbers.pop()   # recycled by the network
        return self.fresh("phone", lambda: "+491" + r.choice(["51", "52", "57", "60", "62", "70", "71", "72", "73", "75", "76", "77", "78", "79"]) + f"{r.randint(10**7, 10**8 - 1)}")

    def fixed(self, home):
        r = self.random
        area = {"10": "30", "13": "30", "22": "40", "80": "89", "81": "89", "50": "221", "60": "69", "70": "711"}.get(home["prefix"], "5" + f"{r.randint(21, 91)}")
        return self.fresh("phone", lambda: "+49" + area + f"{r.randint(2 * 10**5, 10**7 - 1)}")

    def mailbox(self, person, style=None):
        r = self.random
        given, family = ascii_name(person.given.split("-")[0]), ascii_name(person.family)
        year = str(person.birth[0])[2:]

        def make():
            local = r.choice([f"{given}.{family}", f"{given}.{family}", f"{given}{family}", f"{given[0]}.{family}", f"{family}.{given}",
                f"{given}.{family}{year}", f"{given}{r.randint(1, 999)}", f"{given}_{family}", f"{given[0]}{family}{year}",
                f"{r.choice(WORDS)}{r.choice(WORDS)}{r.randint(1, 99)}", f"{r.choice(WORDS)}.{given}", f"{family}{r.randint(1, 99)}"])
            return f"{local}@{self.pick(PROVIDERS)}"
        return self.fresh("mail", make)

    def equip(self, person, home, landline=None):
        r = self.random
        person.homes = [home]
        if r.random() < 0.22:
            person.homes.insert(0, self.home(near=home))     # moved
        person.landline = landline
        person.mobile = self.mobile() if r.random() < 0.9 else None
        if r.random() < 0.03 and person.mobile:
            self.dropped_numbers.append(person.mobile)       # given up later, and somebody gets it
        person.mailboxes = [self.mailbox(person) for _ in range(r.choices([1, 2, 0], [70, 25, 5])[0])]
        if r.random() < 0.35:
            given, family = ascii_name(person.given.split("-")[0]), ascii_name(person.family)
            own = person.mailboxes[0].split("@")[0] if person.mailboxes and r.random() < 0.3 else None
            person.handle = own or self.fresh("handle", lambda: r.choice([f"{given}_{family}", f"{given}.{r.choice(WORDS)}", f"{r.choice(WORDS)}_{r.choice(WORDS)}{r.randint(1, 99)}",
                f"{given}{r.randint(10, 9999)}", f"{r.choice(WORDS)}.{given}{r.randint(1, 99)}", f"{family}{given[0]}{r.randint(1, 99)}"]))
        person.relay = "".join(r.choices(string.ascii_lowercase + string.digits, k=14)) + "@marketplace.amazon.de"

    def household(self):
        r = self.random
        home = self.home()
        landline = self.fixed(home) if r.random() < 0.55 else None
        kind = r.choices(["single", "couple", "family", "flat", "twins", "father_son", "namesakes", "firm"], [44, 26, 15, 4, 2, 2.5, 2, 4])[0]
        if kind == "single":
            members = [self.person()]
        elif kind in ("couple", "family", "twins", "father_son"):
            members = self.family(kind)
        elif kind == "flat":
            members = [self.person(year=r.randint(1990, 2004)) for _ in range(r.randint(2, 4))]
            self.against(members, "flat_share")
        elif kind == "namesakes":
            first = self.person()
            other = self.person(sex=first.sex, family=first.family)
            other.given, members = first.given, [first]
            self.negatives.append((first, other, "namesake_in_town"))
            elsewhere = self.home(near=home)
            elsewhere.update(city=home["city"], prefix=home["prefix"], postal_code=home["postal_code"] if r.random() < 0.4 else elsewhere["postal_code"][:0] + home["prefix"] + elsewhere["postal_code"][2:])
            self.equip(other, elsewhere)
        else:
            return self.firm(home)
        for member in members:
            self.equip(member, home, landline)
        self.share(members)

    def family(self, kind):
        r = self.random
        year = r.randint(1945, 1985)
        man = self.person("m", year=year)
        woman = self.person("f", family=man.family, year=year + r.randint(-6, 6))
        if r.random() < 0.75:
            woman.former = self.surname()                     # took the name at marriage
            if r.random() < 0.2:
                woman.family = f"{woman.former}-{man.family}" if r.random() < 0.5 else f"{man.family}-{woman.former}"
        elif r.random() < 0.5:
            woman.family = self.surname()
        self.negatives.append((man, woman, "spouses"))
        members = [man, woman]
        if kind == "twins":
            sex = r.choice("mf")
            one, other = (self.person(sex, man.family, year + 27) for _ in range(2))
            other.birth = one.birth
            if one.given == other.given:
                other.given += "a" if sex == "f" else "o"
            if r.random() < 0.3:
                other.given = one.given[0] + other.given[1:].lower()
            self.negatives.append((one, other, "twins"))
            members += [one, other]
        elif kind == "father_son":
            son = self.person("m", man.family, year + r.randint(22, 34))
            son.given = man.given
            if r.random() < 0.35:
                man.suffix, son.suffix = "sen.", "jun."
            self.negatives.append((man, son, "father_and_son"))
            members.append(son)
        elif kind == "family":
            children = [self.person(family=man.family, year=year + r.randint(22, 36)) for _ in range(r.randint(1, 2))]
            for child in children:
                while child.given in (man.given, woman.given):
                    child.given = self.zipf(MALE if child.sex == "m" else FEMALE)
            self.against([r.choice([man, woman]), children[0]], "parent_and_child")
            self.against(children, "siblings")
            members += children
        return members

    def against(self, members, kind):
        for i, one in enumerate(members):
            for other in members[:i]:
                self.negatives.append((other, one, kind))

    def share(self, members):
        """Some households have one mailbox or one mobile for all."""
        r = self.random
        if len(members) > 1 and r.random() < 0.12:
            family = ascii_name(members[0].family)
            shared = self.fresh("mail", lambda: f"{r.choice(['familie.', 'fam.', ''])}{family}{r.choice(['', str(r.randint(1, 99))])}@{self.pick(PROVIDERS)}")
            for member in members[:2]:
                member.mailboxes = [shared] + member.mailboxes[:1] * (r.random() < 0.4)
            self.negatives.append((members[0], members[1], "shared_mailbox"))
        if len(members) > 1 and members[0].mobile and r.random() < 0.06:
            members[1].mobile = members[0].mobile
            self.negatives.append((members[0], members[1], "shared_phone"))

    def firm(self, home):
        r = self.random
        owner = self.surname()
        name = f"{r.choice(FIRMS)} {owner}" if r.random() < 0.7 else f"{owner} {r.choice(FIRMS)}"
        site = ascii_name(name.replace(" ", "-")) + ".de"
        company = {"name": f"{name} {r.choice(LEGAL)}".strip(), "site": site, "role": r.choice(["info", "buchhaltung", "kontakt", "bestellung"]) + "@" + site, "phone": self.fixed(home)}
        staff = [self.person() for _ in range(r.randint(1, 3))]
        for member in staff:
            member.company = company
            self.equip(member, home, company["phone"])
            member.mailboxes = [f"{ascii_name(member.given[0])}.{ascii_name(member.family)}@{site}", company["role"]][: r.randint(1, 2)] + member.mailboxes[:1]
        self.against(staff, "colleagues")

    # ---- records

    def add(self, person, source, kind, identifiers, data, tags):
        self.serial += 1
        day = f"2026-{self.random.randint(1, 9):02d}-{self.random.randint(1, 28):02d}T{self.random.randint(0, 23):02d}:00:00Z"
        ident = f"{source[:2]}{self.serial}"
        record = {"type": kind, "source": source, "external_id": ident, "updated_at": day, "identifiers": identifiers, "data": data}
        if kind == "order":
            data.update(number=f"{source[:1].upper()}-{self.serial}", ordered_at=day, status="completed", currency="EUR", total="49.90")
        elif kind == "invoice":
            data.update(number=f"RE-{self.serial}", issued_at=day, currency="EUR", total="49.90")
        elif kind == "message":
            data.update(thread=f"t{self.serial}", sent_at=day, direction="inbound")
        elif kind == "newsletter_subscription":
            data.update(list="news", status="confirmed")
        self.records.append(record)
        self.truth.append((source, ident, person.entity if person else "", "|".join(sorted(set(tags)))))

    def name(self, person, tags, old):
        """Given and family name as somebody typed them."""
        r = self.random
        given, family = person.given, person.family
        if old and person.former:
            family = person.former
            tags.append("married")
        if person.second and r.random() < 0.4:
            given += " " + person.second
            tags.append("second_name")
        if r.random() < 0.06 and person.given in SHORT:
            given = r.choice(SHORT[person.given])
            tags.append("nickname")
        if "-" in family and r.random() < 0.35:
            family = r.choice(family.split("-"))
            tags.append("half_name")
        if r.random() < 0.05:
            given, family = (typo(r, given), family) if r.random() < 0.4 else (given, typo(r, family))
            tags.append("typo_name")
        if r.random() < 0.02:
            given = given[0] + "."
            tags.append("initial")
        if r.random() < 0.25 and any(c in given + family for c in "äöüßÄÖÜ"):
            how = r.choice(["ae", "a", "mojibake"]) if r.random() < 0.5 else "ae"
            given, family = spelt(given, how), spelt(family, how)
            tags.append("umlaut_" + how)
        if r.random() < 0.015:
            given, family = family, given
            tags.append("swapped_name")
        if person.suffix and r.random() < 0.5:
            family += " " + person.suffix
        if r.random() < 0.06:
            given, family = r.choice([(given.upper(), family.upper()), (given.lower(), family.lower())])
        return given, family

    def address(self, person, tags, old=False):
        r = self.random
        home = dict(person.homes[0] if old else person.homes[-1])
        home.pop("prefix")
        if len(person.homes) > 1:
            tags.append("moved")
        if r.random() < 0.04 and not person.company:
            tags.append("packstation")
            return {"street": "Packstation", "house_number": str(100 + hash_of(home["city"] + home["postal_code"]) % 60), "postal_code": home["postal_code"], "city": home["city"], "country": "DE",
                **({"extra": str(10**7 + hash_of(person.entity) % 10**7)} if r.random() < 0.8 else {})}
        street = home["street"]
        if street.lower().endswith("straße") and r.random() < 0.45:
            street = street[:-6] + r.choice(["str.", "str.", "strasse"]) if not street.endswith(" Straße") else street[:-6] + r.choice(["Str.", "Strasse"])
        if r.random() < 0.04:
            street = typo(r, street)
            tags.append("typo_street")
        if r.random() < 0.3:
            home["street"] = f"{street} {home.pop('house_number')}"
        else:
            home["street"] = street
        if r.random() < 0.015:
            home["postal_code"] = typo_digits(r, home["postal_code"])
            tags.append("typo_code")
        if r.random() < 0.06:
            home["city"] = spelt(home["city"].split(" am ")[0].split(" (")[0], "ae")
        home["country"] = "DE"
        return home

    def phone(self, person, tags):
        r = self.random
        number = person.mobile if person.mobile and (r.random() < 0.75 or not person.landline) else person.landline
        if number is None:
            return []
        if r.random() < 0.02:
            number = "+49" + typo_digits(r, number[3:])
            tags.append("typo_phone")
        national = "0" + number[3:]
        written = r.choice([number, national, f"{national[:5]} {national[5:]}", f"{national[:4]}/{national[4:]}", f"+49 (0) {number[3:6]} {number[6:]}"])
        return [{"kind": "phone", "value": written}]

    def mail(self, person, tags, first=0.8):
        r = self.random
        if not person.mailboxes:
            return []
        box = person.mailboxes[0] if r.random() < first else r.choice(person.mailboxes)
        local, domain = box.split("@")
        if r.random() < 0.04 and domain in ("gmail.com", "outlook.de", "icloud.com", "posteo.de"):
            local += "+" + r.choice(["shop", "newsletter", "x1"])
            tags.append("plus_address")
        if r.random() < 0.1 and domain == "gmail.com" and "." in local:
            local = local.replace(".", "")
            tags.append("gmail_dots")
        if r.random() < 0.015:
            local = typo(r, local)
            tags.append("typo_mail")
        if r.random() < 0.1:
            local = local.title()
        if local.split("+")[0] in ("info", "buchhaltung", "kontakt", "bestellung"):
            tags.append("company_mailbox")
        return [{"kind": "email", "value": f"{local}@{domain}", **({"verified": True} if r.random() < 0.25 else {})}]

    def birth(self, person, tags):
        r = self.random
        year, month, day = person.birth
        if r.random() < 0.04:
            how = r.choice(["day", "swap", "year", "january"])
            if how == "swap" and day <= 12:
                month, day = day, month
            elif how == "day":
                day = min(28, max(1, day + r.choice([-1, 1, 10, -10])))
            elif how == "year":
                year += r.choice([-1, 1, -10, 10])
            else:
                month = day = 1
            tags.append("typo_birth")
        return f"{year:04d}-{month:02d}-{day:02d}"

    def salutation(self, person):
        return "Herr" if person.sex == "m" else "Frau"

    def webshop(self, person):
        r = self.random
        tags, old = ["webshop"], r.random() < 0.3
        given, family = self.name(person, tags, old)
        names = {"given_name": given, "family_name": family}
        if r.random() < 0.7:
            names["salutation"] = self.salutation(person)
        if r.random() < 0.18:
            names["birth_date"] = self.birth(person, tags)
        if person.company and r.random() < 0.7:
            names["company"] = person.company["name"]
        identifiers = self.mail(person, tags) + (self.phone(person, tags) if r.random() < 0.5 else [])
        data = {"person": names, "addresses": [self.address(person, tags, old)]}
        if r.random() < 0.15:
            data["addresses"].append({"use": "shipping", **self.address(person, tags)})
        if r.random() < 0.6:
            data["customer_number"] = str(20000 + self.serial)
        self.add(person, "webshop", "customer", identifiers, data, tags)

    def amazon(self, person):
        r = self.random
        tags, old = ["amazon", "relay"], r.random() < 0.25
        given, family = self.name(person, tags, old)
        data = {"person": {"full_name": f"{given} {family}"}, "addresses": [{"use": "shipping", **self.address(person, tags, old)}]}
        identifiers = [{"kind": "email", "value": person.relay}] + (self.phone(person, tags) if r.random() < 0.25 else [])
        self.add(person, "amazon", "order", identifiers, data, tags)

    def social(self, person):
        r = self.random
        if not person.handle:
            return
        tags = ["social"]
        data = {"platform": "instagram", "sender_name": person.handle}
        identifiers = []
        form = r.choices(["handle", "first", "full", "mail"], [35, 25, 25, 15])[0]
        if form == "first":
            data["person"] = {"given_name": r.choice(SHORT.get(person.given, [person.given]))}
            tags.append("first_name_only")
        elif form == "full":
            data["person"] = {"full_name": " ".join(self.name(person, tags, False))}
        elif form == "mail":
            identifiers += self.mail(person, tags)
        if form == "handle":
            tags.append("handle_only")
        if form in ("first", "handle") and r.random() < 0.2:
            identifiers += self.phone(person, tags)
        self.add(person, r.choice(["instagram", "tiktok"]), "message", identifiers, data, tags)

    def accounting(self, person):
        r = self.random
        tags, old = ["accounting"], r.random() < 0.3
        given, family = self.name(person, tags, old)
        names = {"full_name": f"{family}, {given}"} if r.random() < 0.5 else {"given_name": given, "family_name": family}
        if "full_name" in names and "," in names["full_name"] and r.random() < 0.15:
            names["full_name"] = f"Dr. {given} {family}"
        if r.random() < 0.3:
            names["salutation"] = self.salutation(person)
        if person.company:
            names["company"] = person.company["name"].split(" GmbH")[0] if r.random() < 0.4 else person.company["name"]
        identifiers = (self.mail(person, tags) if r.random() < 0.45 else []) + (self.phone(person, tags) if r.random() < 0.3 else [])
        self.add(person, "books", "invoice", identifiers, {"person": names, "addresses": [{"use": "billing", **self.address(person, tags, old)}]}, tags)

    def newsletter(self, person):
        r = self.random
        if not person.mailboxes:
            return
        tags = ["newsletter"]
        data = {}
        if r.random() < 0.4:
            data["person"] = {"given_name": person.given}
            tags.append("first_name_only")
        else:
            tags.append("mail_only")
        self.add(person, "newsletter", "newsletter_subscription", self.mail(person, tags), data, tags)

    def nobody(self):
        """Placeholder records: each is its own."""
        r = self.random
        given, family = r.choice(PLACEHOLDER_NAMES)
        data = {"person": {"given_name": given, "family_name": family}, "addresses": [{"street": "Musterstraße 1", "postal_code": r.choice(["12345", "00000", "11111"]), "city": "Musterstadt", "country": "DE"}]}
        if r.random() < 0.5:
            data["person"]["birth_date"] = r.choice(["1900-01-01", "1970-01-01"])
        identifiers = [{"kind": "email", "value": r.choice(["test@test.de", "noreply@example.com", "info@info.de"])}] * (r.random() < 0.7)
        identifiers += [{"kind": "phone", "value": r.choice(["0000000000", "0123456789", "+49 1111111"])}] * (r.random() < 0.6)
        self.serial += 0
        self.add(None, "webshop", "customer", identifiers, data, ["placeholder"])
        source, ident, _, tags = self.truth[-1]
        self.truth[-1] = (source, ident, f"n{self.serial}", tags)

    def run(self, people):
        r = self.random
        while len(self.people) < people:
            self.household()
        kinds = [(self.webshop, 0.62), (self.amazon, 0.42), (self.accounting, 0.42), (self.newsletter, 0.28), (self.social, 0.6)]
        for person in self.people:
            for write, rate in kinds:
                again = r.random()
                while again < rate:
                    write(person)
                    again = r.random() * 1.6      # some buy again, as guests
        for _ in range(people // 60):
            self.nobody()
        order = list(range(len(self.records)))
        r.shuffle(order)
        self.records = [self.records[i] for i in order]
        self.truth = [self.truth[i] for i in order]


def hash_of(text):
    value = 7
    for letter in text:
        value = (value * 131 + ord(letter)) % (1 << 31)
    return value


def ascii_name(text):
    text = text.lower()
    for a, b in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("ı", "i"), ("ł", "l")):
        text = text.replace(a, b)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if c.isascii())
    return "".join(c for c in text if c.isalnum() or c == "-")


def spelt(text, how):
    if how == "mojibake":
        return "".join(c.encode().decode("cp1252", "ignore") if c in "äöüßÄÖÜ" else c for c in text)
    table = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"} if how == "ae" else {"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "Ä": "A", "Ö": "O", "Ü": "U"}
    return "".join(table.get(c, c) for c in text)


def typo(r, text):
    if len(text) < 4:
        return text
    at = r.randrange(1, len(text) - 1)
    how = r.choice(["drop", "double", "swap", "wrong"])
    if how == "drop":
        return text[:at] + text[at + 1:]
    if how == "double":
        return text[:at] + text[at] + text[at:]
    if how == "swap":
        return text[:at] + text[at + 1] + text[at] + text[at + 2:]
    return text[:at] + r.choice("aeinrstl") + text[at + 1:]


def typo_digits(r, text):
    at = r.randrange(len(text))
    return text[:at] + r.choice("0123456789") + text[at + 1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--people", type=int, default=8000)
    parser.add_argument("--out", default="target/quality/german")
    args = parser.parse_args()
    world = World(args.seed)
    world.run(args.people)
    os.makedirs(args.out, exist_ok=True)
    with open(f"{args.out}/records.ndjson", "w", encoding="utf-8") as out:
        for record in world.records:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
    with open(f"{args.out}/truth.csv", "w", encoding="utf-8") as out:
        out.write("source,external_id,entity,tags\n")
        for row in world.truth:
            out.write(",".join(row) + "\n")
    with open(f"{args.out}/negatives.csv", "w", encoding="utf-8") as out:
        out.write("entity,entity,kind\n")
        for one, other, kind in world.negatives:
            out.write(f"{one.entity},{other.entity},{kind}\n")
    print(f"{len(world.records)} records of {len(world.people)} people")


if __name__ == "__main__":
    main()
