def delivered: (.packages | list | map(.packageStatus.status)) as $all | ($all | length) > 0 and all($all[]; . == "DELIVERED");

def status:
  .fulfillment.fulfillmentStatus as $status
  | if $status == "CANCELLED" or $status == "UNFULFILLABLE" then "cancelled"
    elif delivered then "delivered"
    elif $status == "SHIPPED" or $status == "PARTIALLY_SHIPPED" then "shipped"
    elif $status == "UNSHIPPED" then "paid"
    else "open" end;

def delivered_at:
  if delivered then [.fulfillment.deliverByWindow.latestDateTime, .lastUpdatedTime | values] | sort_by(fromdate) | .[0] else null end;

# German orders often carry the street in the second line and a company or a person's note in the first.
def lines: [.addressLine1, .addressLine2, .addressLine3] | map(filled | values);
def street: lines | map(select(test("[0-9]"))) | .[0];
def extra: (lines - [street]) | join(", ");

if .orderId == null then error("the order has no orderId") else . end
| if .proceeds.grandTotal == null and (.fulfillment.fulfillmentStatus | startswith("PENDING") | not) and .fulfillment.fulfillmentStatus != "CANCELLED"
  then error("the order has no total; ask for includedData=PROCEEDS") else . end
| (.buyer.buyerEmail | filled) as $email
| .recipient.deliveryAddress as $to
| {
    type: "order",
    external_id: .orderId,
    updated_at: .lastUpdatedTime,
    identifiers: [
      (if $email != null then {kind: "email", value: $email, verified: false}
       else {kind: "account", value: "order:\(.orderId)"} end),
      ($to.phone | filled | values | {kind: "phone", value: .})
    ],
    data: {
      person: {full_name: .buyer.buyerName, company: .buyer.buyerCompanyName},
      number: .orderId,
      ordered_at: .createdTime,
      status: status,
      delivered_at: delivered_at,
      channel: .salesChannel.marketplaceName,
      currency: (.proceeds.grandTotal.currencyCode // "EUR"),
      total: (.proceeds.grandTotal.amount // "0.00"),
      shipping_cost: ([.proceeds.breakdowns | list[] | select(.type == "SHIPPING") | .subtotal.amount] | .[0]),
      lines: [.orderItems | list[] | {
        sku: .product.sellerSku,
        title: .product.title,
        quantity: .quantityOrdered,
        unit_price: .product.price.unitPrice.amount,
        total: .proceeds.proceedsTotal.amount
      }],
      addresses: [$to | values | {
        use: "shipping",
        name,
        company: .companyName,
        street: street,
        extra: extra,
        postal_code: .postalCode,
        city,
        region: .stateOrRegion,
        country: .countryCode
      }]
    }
  }
