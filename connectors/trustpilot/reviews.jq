if .id == null then error("the review has no id") else . end
| {
    type: "review",
    external_id: .id,
    updated_at: (.updatedAt // .createdAt | instant),
    identifiers: [
      (.consumer.id | text | filled | values | {kind: "account", value: .}),
      (.referralEmail | filled | values | {kind: "email", value: ., verified: false})
    ],
    data: {
      person: {full_name: .consumer.displayName},
      reviewed_at: (.createdAt | instant),
      order_number: (.referenceId | text | filled),
      rating: .stars,
      title,
      text,
      status
    }
  }
