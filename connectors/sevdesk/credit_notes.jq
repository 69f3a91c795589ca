# 100 is a draft.
(.status | text) as $status
| select($status != "100")
| if .creditNoteNumber == null then error("the credit note has no number") else . end
| {
    type: "invoice",
    # Credit notes are numbered for themselves: an invoice may have the same id.
    external_id: "credit_note:\(.id | text)",
    updated_at: ((.update // .create) | instant),
    identifiers: [{kind: "account", value: ((.contact.id | text) // "credit_note:\(.id)")}],
    data: {
      number: (.creditNoteNumber | text),
      issued_at: (.creditNoteDate | instant),
      kind: "credit_note",
      status: ({"200": "open", "750": "partly paid", "1000": "paid"}[$status] // $status),
      currency,
      total: (.sumGross | text),
      net: (.sumNet | text),
      tax: (.sumTax | text)
    }
  }
