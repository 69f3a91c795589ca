select(.voucherStatus != "draft")
| if .voucherNumber == null then error("the credit note has no number") else . end
| {
    type: "invoice",
    external_id: .id,
    updated_at: (.updatedDate // .createdDate | instant),
    identifiers: [{kind: "account", value: (.address.contactId // "voucher:\(.id)")}],
    data: {
      number: .voucherNumber,
      issued_at: (.voucherDate | instant),
      kind: "credit_note",
      status: .voucherStatus,
      currency: .totalPrice.currency,
      total: .totalPrice.totalGrossAmount,
      net: .totalPrice.totalNetAmount,
      tax: .totalPrice.totalTaxAmount,
      lines: [.lineItems | list[] | select(.type != "text") | {
        title: .name,
        quantity,
        unit_price: .unitPrice.grossAmount,
        total: .lineItemAmount
      }],
      person: {full_name: .address.name},
      addresses: [.address | {use: "billing", name, street, extra: .supplement, postal_code: .zip, city, country: .countryCode}]
    }
  }
