select(.reviewer_email | filled)
| {
    type: "review",
    external_id: (.id | text),
    updated_at: (.date_created_gmt + "Z"),
    identifiers: [{kind: "email", value: .reviewer_email, verified: false}],
    data: {
      person: {full_name: .reviewer},
      reviewed_at: (.date_created_gmt + "Z"),
      product: (.product_name // (.product_id | text)),
      rating,
      # The shop keeps it as HTML.
      text: (.review // "" | gsub("<[^>]*>"; " ") | gsub("&amp;"; "&") | trim),
      status
    }
  }
