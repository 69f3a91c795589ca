# The live version of every order; drafts carry another version id.
def live: .versionId == null or .versionId == "0fa91ce3e96a4bc2be4bd9ce752c3425";

def salutation: {mr: "Herr", mrs: "Frau", diverse: "Divers"}[.salutation.salutationKey // "not_specified"];

# Order, delivery and payment each have a state of their own; the furthest one tells.
def status:
  (.stateMachineState.technicalName // "") as $order
  | (.deliveries | list | last | .stateMachineState.technicalName // "") as $delivery
  | (.transactions | list | last | .stateMachineState.technicalName // "") as $payment
  | if $order == "cancelled" then "cancelled"
    elif $delivery | startswith("returned") then "returned"
    elif $order == "completed" then "completed"
    elif $delivery | startswith("shipped") then "shipped"
    elif $payment == "paid" then "paid"
    else "open" end;

def address($use): {
  use: $use,
  name: ([.firstName, .lastName] | map(filled | values) | join(" ")),
  company,
  street,
  extra: ([.additionalAddressLine1, .additionalAddressLine2, .department] | map(filled | values) | join(", ")),
  postal_code: .zipcode,
  city,
  region: .countryState.name,
  country: .country.iso
};

select(live)
| if .orderNumber == null then error("the order has no number") else . end
| if .orderCustomer == null then error("the order has no customer; ask for the association orderCustomer") else . end
| .billingAddress as $billing
| (.deliveries | list | map(.shippingOrderAddress | values) | last) as $shipping
| {
    type: "order",
    external_id: .id,
    updated_at: (.updatedAt // .createdAt | instant),
    identifiers: [
      {kind: "email", value: .orderCustomer.email, verified: false},
      (.orderCustomer.customerId | values | {kind: "account", value: .}),
      (.orderCustomer.customerNumber | values | {kind: "customer_number", value: text}),
      ($billing.phoneNumber | filled | values | {kind: "phone", value: .})
    ],
    data: {
      person: (.orderCustomer | {
        salutation: salutation,
        title,
        given_name: .firstName,
        family_name: .lastName,
        company
      }),
      number: (.orderNumber | text),
      ordered_at: (.orderDateTime | instant),
      status: status,
      channel: .salesChannel.name,
      currency: .currency.isoCode,
      total: .amountTotal,
      net: .amountNet,
      shipping_cost: .shippingTotal,
      payment_method: (.transactions | list | last | .paymentMethod.name),
      campaign: .campaignCode,
      lines: [.lineItems | list[] | select(.type == "product") | {
        sku: .payload.productNumber,
        title: .label,
        quantity,
        unit_price: .unitPrice,
        total: .totalPrice
      }],
      addresses: [($billing | values | address("billing")), ($shipping | values | address("shipping"))]
    }
  }
