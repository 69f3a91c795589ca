def status:
  if .cancelled_at != null then "cancelled"
  elif .financial_status == "refunded" then "returned"
  elif .fulfillment_status == "fulfilled" then "shipped"
  elif .financial_status == "paid" then "paid"
  else "open" end;

def address($use): {
  use: $use,
  name: ([.first_name, .last_name] | map(filled | values) | join(" ")),
  company,
  street: .address1,
  extra: .address2,
  postal_code: .zip,
  city,
  region: .province,
  country: .country_code
};

# A test of the merchant is no order.
select(.test != true)
| if .id == null then error("the order has no id") else . end
| ((.email | filled) // (.contact_email | filled)) as $email
| (.customer.id | if . == null then null else text end) as $account
| {
    type: "order",
    external_id: (.id | text),
    updated_at: (.updated_at | instant),
    identifiers: [
      ($email | values | {kind: "email", value: ., verified: false}),
      ($account | values | {kind: "account", value: .}),
      ((.phone | filled) // (.billing_address.phone | filled) | values | {kind: "phone", value: .}),
      (if $email == null and $account == null then {kind: "account", value: "order:\(.id)"} else empty end)
    ],
    data: {
      person: ((.billing_address // .customer) | {given_name: .first_name, family_name: .last_name}),
      number: ((.name | filled) // (.order_number | text)),
      ordered_at: ((.processed_at // .created_at) | instant),
      status: status,
      channel: .source_name,
      currency,
      total: .total_price,
      shipping_cost: .total_shipping_price_set.shop_money.amount,
      lines: [.line_items | list[] | {sku, title, quantity, unit_price: .price}],
      addresses: [(.billing_address | values | address("billing")), (.shipping_address | values | address("shipping"))]
    }
  }
