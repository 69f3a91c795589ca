# 100 is a draft, 50 a template of invoices that come again.
(.status | text) as $status
| select($status != "100" and $status != "50")
| if .invoiceNumber == null then error("the invoice has no number") else . end
| {
    type: "invoice",
    external_id: (.id | text),
    updated_at: ((.update // .create) | instant),
    identifiers: [{kind: "account", value: ((.contact.id | text) // "invoice:\(.id)")}],
    data: {
      number: (.invoiceNumber | text),
      issued_at: (.invoiceDate | instant),
      # A cancellation is written as an invoice of its own.
      kind: (if .invoiceType == "SR" then "credit_note" else "invoice" end),
      status: ({"200": "open", "750": "partly paid", "1000": "paid"}[$status] // $status),
      currency,
      total: (.sumGross | text),
      net: (.sumNet | text),
      tax: (.sumTax | text)
    }
  }
