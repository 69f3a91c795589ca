# Whoever is neither a customer nor gave a mailbox is nobody.
select((.customerId | filled) != null or (.externalEmail | filled) != null)
| if .id == null then error("the review has no id") else . end
| {
    type: "review",
    external_id: .id,
    updated_at: (.updatedAt // .createdAt | instant),
    identifiers: [
      (.customerId | filled | values | {kind: "account", value: .}),
      (.externalEmail | filled | values | {kind: "email", value: ., verified: false})
    ],
    data: {
      person: (
        if (.customer.lastName? | filled) != null
        then {given_name: .customer.firstName, family_name: .customer.lastName}
        else {full_name: .externalUser} end
      ),
      reviewed_at: (.createdAt | instant),
      # A variant has the name of its product in `translated` alone.
      product: ((.product | objects | .translated.name? // .name // .productNumber) // .productId),
      # Half a star counts as one.
      rating: ((.points | numbers | (. + 0.5 | floor) | select(. >= 1 and . <= 5)) // null),
      title,
      # The shop's own answer, `comment`, is not read.
      text: .content,
      status: (if .status == true then "published" else "hidden" end)
    }
  }
