if .id == null then error("the review has no id") else . end
| (.customer | objects // {}) as $customer
| ($customer.email | filled) as $email
| ($customer.mobile | filled) as $mobile
# Without a customer it is nobody's.
| select($email != null or $mobile != null)
| {
    type: "review",
    external_id: .id,
    updated_at: (.updatedAt // .submittedAt // .createdAt | instant),
    identifiers: [
      ($email | values | {kind: "email", value: ., verified: false}),
      ($mobile | values | {kind: "phone", value: .})
    ],
    data: {
      person: (
        if ($customer.firstName | filled) != null or ($customer.lastName | filled) != null
        then {given_name: $customer.firstName, family_name: $customer.lastName}
        else {full_name: $customer.fullName} end
      ),
      reviewed_at: (.submittedAt // .createdAt | instant),
      product: ((.product | objects | .sku // .gtin) // null),
      order_number: ((.transaction | objects | .reference | text | filled) // null),
      rating,
      title,
      text: .comment,
      status: (.state | ascii_downcase)
    }
  }
