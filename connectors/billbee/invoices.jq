# An instant without a zone is in UTC, as in the order it belongs to.
def utc: if . == null then null elif test("([Zz]|[+-][0-9]{2}:?[0-9]{2})$") then instant else "\(.)Z" end;

def cents: . * 100 | round / 100;

def sum: map(numbers) | add // 0;

def is($other): (. - $other) | fabs < 0.05;

# Amazon's terms go with what was sold there, and the invoice does not say where that was: its order does.
def of_amazon:
  any(.order.Seller.Platform, .order.Buyer.Platform; filled // "" | ascii_downcase | startswith("amazon"))
  or any(.OrderNumber, .order.OrderNumber, .order.Id; text | filled // "" | test("^[0-9]{3}-[0-9]{7}-[0-9]{7}$"));

select(of_amazon | not)
| if .BillbeeId == null or (.InvoiceNumber | filled) == null then error("the invoice has no BillbeeId or InvoiceNumber") else . end
| if .order.BillBeeOrderId != .BillbeeId
  then error("the order of the invoice cannot be had, so it is not known under whose terms it stands") else . end
| if any(.order.Seller.Platform, .order.Buyer.Platform; filled != null) then .
  else error("the order of the invoice does not say where it was sold, so it is not known under whose terms it stands") end
| . as $invoice
| ([.Positions | list[].TotalGrossValue] | sum) as $positions
| ([.AdditionalFees | list[].Gross] | sum) as $fees
# What is charged besides the positions, such as shipping, is not in the total.
| (if $fees == 0 or (.TotalGross | is($positions + $fees)) then 0
   elif .TotalGross | is($positions) then 1
   else error("what is charged besides the positions does not fit the total of the invoice") end) as $besides
| (.Email | filled) as $email
| ((.CustomerNumber // .order.CustomerNumber) | text | filled) as $number
| {
    type: "invoice",
    external_id: "\(.BillbeeId):\(.InvoiceNumber)",
    # One that is paid is a newer word than the same one before, whichever date it bears.
    updated_at: (if .PayDate == null then .InvoiceDate | utc else [.InvoiceDate, .PayDate] | map(utc | fromdate) | max + 1 | todate end),
    identifiers: [
      ($email | values | {kind: "email", value: ., verified: false}),
      ($number | values | {kind: "customer_number", value: .}),
      # Nobody is named: filed as its order is.
      (if $email == null and $number == null then {kind: "customer_number", value: "order:\(.BillbeeId)"} else empty end)
    ],
    data: {
      number: .InvoiceNumber,
      issued_at: (.InvoiceDate | utc),
      # A cancellation is a credit note, or an invoice below zero.
      kind: (
        (.Type // "invoice" | ascii_downcase | gsub("[^a-z]"; "")) as $type
        | if .TotalGross < 0 or ($type | startswith("credit")) then "credit_note"
          elif $type == "invoice" then "invoice"
          else error("the type of the invoice is not known") end
      ),
      status: (if .PayDate == null then "open" else "paid" end),
      currency: .Currency,
      total: (.TotalGross + $besides * $fees | cents),
      net: (.TotalNet | values | . + $besides * ([$invoice.AdditionalFees | list[].Net] | sum) | cents),
      order_number: ((.OrderNumber | text | filled) // (.order.Id | text)),
      lines: [
        (.Positions | list[] | {sku: .Sku, title: .Title, quantity: .Amount, total: (.TotalGrossValue | values | cents)}),
        (.AdditionalFees | list[] | {title: .Type, quantity: 1, total: (.Gross | values | cents)})
      ],
      person: {given_name: .FirstName, family_name: .LastName, company: .Company}
    }
  }
