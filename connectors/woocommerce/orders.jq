# What a plug-in calls a status of its own is an order that is open.
def status: {
  pending: "open", "on-hold": "open", processing: "paid", completed: "completed", cancelled: "cancelled",
  failed: "cancelled", refunded: "returned"
}[.status // ""] // "open";

def address($use): select(.address_1 | filled) | {
  use: $use,
  name: ([.first_name, .last_name] | map(filled | values) | join(" ")),
  company,
  street: .address_1,
  extra: .address_2,
  postal_code: .postcode,
  city,
  region: .state,
  country
};

# A basket that was never ordered is no order.
select(.status != "checkout-draft" and .status != "auto-draft")
| if .id == null then error("the order has no id") else . end
| (.customer_id | if . == null or . == 0 then null else text end) as $account
| (.billing.email | filled) as $email
| {
    type: "order",
    external_id: (.id | text),
    updated_at: ((.date_modified_gmt // .date_created_gmt) + "Z"),
    identifiers: [
      ($email | values | {kind: "email", value: ., verified: false}),
      ($account | values | {kind: "account", value: .}),
      (.billing.phone | filled | values | {kind: "phone", value: .}),
      # Taken at the counter, without a name: filed under itself.
      (if $email == null and $account == null then {kind: "account", value: "order:\(.id)"} else empty end)
    ],
    data: {
      person: {given_name: .billing.first_name, family_name: .billing.last_name, company: .billing.company},
      number: (.number | text),
      ordered_at: (.date_created_gmt + "Z"),
      status: status,
      channel: .created_via,
      currency,
      total,
      shipping_cost: .shipping_total,
      payment_method: .payment_method_title,
      lines: [.line_items | list[] | {sku, title: (.name | gsub("&amp;"; "&")), quantity, unit_price: .price, total}],
      addresses: [(.billing | values | address("billing")), (.shipping | values | address("shipping"))]
    }
  }
