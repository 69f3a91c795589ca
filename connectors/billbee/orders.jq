def status:
  {"1": "open", "2": "open", "3": "paid", "4": "shipped", "5": "returned", "6": "cancelled", "7": "completed", "8": "cancelled", "9": "completed"}[.State | text]
  // "open";

def address($use): {
  use: $use,
  name: ([.FirstName, .LastName] | map(filled | values) | join(" ")),
  company: .Company,
  street: .Street,
  house_number: .HouseNumber,
  extra: ([.NameAddition, .Line2] | map(filled | values) | join(", ")),
  postal_code: .Zip,
  city: .City,
  region: .State,
  country: (.CountryISO2 // .Country)
};

# Amazon's terms go with what was sold there. Its numbers have a form of their own, should nobody say where it was.
def of_amazon:
  any(.Seller.Platform, .Buyer.Platform; filled // "" | ascii_downcase | startswith("amazon"))
  or any(.OrderNumber, .Id; text | filled // "" | test("^[0-9]{3}-[0-9]{7}-[0-9]{7}$"));

select(of_amazon | not)
| if .BillBeeOrderId == null then error("the order has no BillBeeOrderId") else . end
| .InvoiceAddress as $invoice
| ([.Customer.Email, .Buyer.Email, $invoice.Email, .ShippingAddress.Email] | map(filled | values) | .[0]) as $email
| ((.CustomerNumber // .Customer.Number) | text | filled) as $number
| [
    ($email | values | {kind: "email", value: ., verified: false}),
    ([.Customer.Tel1, $invoice.Phone] | map(filled | values) | .[0] | values | {kind: "phone", value: .}),
    ($number | values | {kind: "customer_number", value: .}),
    # Nobody is named: filed under itself.
    (if $email == null and $number == null then {kind: "customer_number", value: "order:\(.BillBeeOrderId)"} else empty end)
  ] as $identifiers
| {
    type: "order",
    external_id: (.BillBeeOrderId | text),
    updated_at: ((.LastModifiedAt // .UpdatedAt // .CreatedAt) | instant),
    identifiers: $identifiers,
    data: {
      person: {given_name: $invoice.FirstName, family_name: $invoice.LastName, company: $invoice.Company},
      number: ((.OrderNumber | filled) // .Id // .BillBeeOrderId | text),
      ordered_at: (.CreatedAt | instant),
      status: status,
      channel: (.Seller.BillbeeShopName // .Seller.Platform),
      currency: .Currency,
      total: .TotalCost,
      shipping_cost: .ShippingCost,
      lines: [.OrderItems | list[] | {sku: .Product.SKU, title: .Product.Title, quantity: .Quantity, total: .TotalPrice}],
      addresses: [($invoice | values | address("billing")), (.ShippingAddress | values | address("shipping"))]
    }
  },
  # What the customer wrote; the others are the merchant's own notes.
  (.BillBeeOrderId as $order | .Comments | list[] | select(.FromCustomer == true and .Id != null and (.Text | filled) != null) | {
    type: "message",
    external_id: "comment:\(.Id | text)",
    updated_at: (.Created | instant),
    identifiers: $identifiers,
    data: {thread: "order:\($order | text)", sent_at: (.Created | instant), direction: "inbound", text: .Text}
  })
