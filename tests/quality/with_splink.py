#!/usr/bin/env python3
"""Runs Splink (DuckDB) on the same records, for comparison.

    with_splink.py target/quality/german --out splink.csv

It gets what the hub's matcher gets: names, date of birth, mailbox (lower case, plus-tags and Gmail dots gone), phone as
digits, street, house number, postal code and town, with its own comparison library, term frequencies, EM and its usual
threshold of 0.95; connected components. It writes source,external_id,subject_id for score.py, and with --all also for
other thresholds.
"""
import argparse, json, re, time

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on


def plain(text):
    if not text:
        return None
    text = text.lower()
    for a, b in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(a, b)
    return re.sub(r"[^a-z0-9 ]+", " ", text).strip() or None


def mailbox(value):
    local, _, domain = value.lower().partition("@")
    local = local.split("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", ""), "gmail.com"
    return None if "marketplace.amazon" in domain else f"{local}@{domain}"


def phone(value):
    digits = re.sub(r"\(0\)|\D", "", value)
    return re.sub(r"^(0049|49|0)", "", digits) or None


def nobody(fields):
    """What people type to get past a form is taken out first, as a careful user of Splink would."""
    empty = {"given": {"max", "erika", "test", "n a"}, "family": {"mustermann", "test", "n a"}, "mail": {"test@test.de", "noreply@example.com", "info@info.de"},
        "code": {"12345", "00000", "11111"}, "town": {"musterstadt"}, "street": {"musterstr"}, "born": {"1900-01-01", "1970-01-01"}}
    if fields["family"] in empty["family"]:
        fields["given"] = None
    kept = {key: None if key != "given" and value in empty.get(key, ()) else value for key, value in fields.items()}
    if kept["street"] is None:
        kept["house"] = None
    if kept["phone"] and (len(set(kept["phone"])) == 1 or kept["phone"] in "0123456789"):
        kept["phone"] = None
    return kept


def row(number, record):
    person = record["data"].get("person", {})
    given, family = person.get("given_name"), person.get("family_name")
    if not family and person.get("full_name"):
        name = person["full_name"].removeprefix("Dr. ")
        family, given = (name.split(",", 1) if "," in name else reversed(name.rsplit(" ", 1))) if " " in name else (None, name)
    address = (record["data"].get("addresses") or [{}])[0]
    street = address.get("street") or ""
    house = address.get("house_number")
    if street and not house:
        found = re.match(r"(.*?)\s+(\d+\s?[a-z]?)$", street)
        street, house = found.groups() if found else (street, None)
    kinds = {"email": [], "phone": [], "account": []}
    for identifier in record["identifiers"]:
        kinds.setdefault(identifier["kind"], []).append(identifier["value"])
    handle = record["data"].get("sender_name")
    return nobody({"unique_id": number, "source": record["source"], "external_id": record["external_id"], "given": plain(given),
        "family": plain(family), "born": person.get("birth_date"), "mail": next((m for m in map(mailbox, kinds["email"]) if m), None),
        "phone": next(map(phone, kinds["phone"]), None), "street": (plain(street) or "").replace("strasse", "str").replace(" ", "") or None,
        "house": house, "code": address.get("postal_code"), "town": plain(address.get("city")),
        "handle": plain(handle) if handle else None, "account": next(iter(kinds["account"]), None)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--out", default="splink.csv")
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    frame = pd.DataFrame([row(i, json.loads(line)) for i, line in enumerate(open(f"{args.folder}/records.ndjson", encoding="utf-8"))])
    frame["place"] = (frame["code"] + " " + frame["street"] + " " + frame["house"].fillna("")).where(frame["street"].notna())
    started, cpu = time.time(), time.process_time()
    has = lambda column: frame[column].notna().sum() > len(frame) / 100
    comparisons = [cl.JaroWinklerAtThresholds(column, [0.92, 0.85]).configure(term_frequency_adjustments=True) for column in ("given", "family") if has(column)]
    comparisons += [cl.DamerauLevenshteinAtThresholds(column, [1]) for column in ("born", "phone", "account") if has(column)]
    # One comparison for the whole address: its parts are not independent, and Splink would count a household thrice.
    comparisons += [cl.JaroWinklerAtThresholds("place", [0.95, 0.88])] if has("street") else [cl.ExactMatch(c).configure(term_frequency_adjustments=True) for c in ("code",) if has(c)]
    comparisons += [cl.LevenshteinAtThresholds("mail", [1])] if has("mail") else []
    comparisons += [cl.ExactMatch("handle")] if has("handle") else []
    rules = [("mail",), ("phone",), ("handle",), ("account",), ("family", "code"), ("given", "family"), ("given", "born"), ("family", "born"), ("street", "house", "code"), ("given", "street", "house")]
    rules = [block_on(*rule) for rule in rules if all(map(has, rule))]
    settings = SettingsCreator(link_type="dedupe_only", comparisons=comparisons, blocking_rules_to_generate_predictions=rules)
    linker = Linker(DuckDBAPI().register(frame), settings)
    linker.training.estimate_probability_two_random_records_match([block_on("given", "family", column) for column in ("born", "code") if has(column)], recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in (("given", "family"), ("street", "house", "code"), ("mail",), ("born",)):
        if all(map(has, rule)):
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    edges = linker.inference.predict(threshold_match_probability=0.5)
    for threshold in (0.5, 0.8, 0.95, 0.99, 0.999) if args.all else (0.95,):
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(edges, threshold_match_probability=threshold).as_pandas_dataframe()
        named = clusters.merge(frame[["unique_id", "source", "external_id"]], on="unique_id", suffixes=("_", ""))
        out = args.out if not args.all else args.out.replace(".csv", f"-{threshold}.csv")
        named.rename(columns={"cluster_id": "subject_id"})[["source", "external_id", "subject_id"]].to_csv(out, index=False)
    print(f"Splink: {time.process_time() - cpu:.1f} CPU s, {time.time() - started:.1f} s")


if __name__ == "__main__":
    main()
