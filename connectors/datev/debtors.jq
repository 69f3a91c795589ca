# Of suppliers nothing is kept: a debtor's account has one digit more than a general one, and begins with 1 to 6.
.header as $header
| .row
| if .Konto == null then error("the row has no account") else . end
| select((.Konto | length) == (($header.account_length // 4) + 1) and (.Konto | test("^[1-6][0-9]+$")))
| (.Adressatentyp == "2") as $company
| {
    type: "customer",
    external_id: .Konto,
    updated_at: $header.created,
    identifiers: [
      {kind: "account", value: .Konto},
      (.Kundennummer | values | {kind: "customer_number", value: .}),
      (."E-Mail" | values | {kind: "email", value: ., verified: false}),
      (.Telefon | values | {kind: "phone", value: .})
    ],
    data: {
      person: (
        {salutation: .Anrede, title: ."Titel/Akad. Grad"}
        + (if $company
          then {company: ."Name (Adressatentyp Unternehmen)", full_name: .Ansprechpartner}
          else {
            given_name: ."Vorname (Adressatentyp natürl. Person)",
            family_name: ."Name (Adressatentyp natürl. Person)",
            full_name: ."Name (Adressatentyp keine Angabe)"
          } end)
      ),
      customer_number: .Kundennummer,
      addresses: [
        {
          street: (."Straße" // (.Postfach | if . == null then null else "Postfach " + . end)),
          extra: .Adresszusatz,
          postal_code: .Postleitzahl,
          city: .Ort,
          country: .Land
        }
        | select(any(.[]; . != null)) | {use: "billing"} + .
      ]
    }
  }
