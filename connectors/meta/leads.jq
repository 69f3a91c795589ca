def answer($name): [.field_data | list[] | select(.name == $name) | .values[0]] | .[0] | filled;

# What a box means the merchant says. A key that holds the word may as well be that of a no, or of somebody else's newsletter.
def newsletter_boxes: [$parameters.newsletter_boxes // "" | split(",")[] | trim | select(. != "")];

if .id == null then error("the lead has no id") else . end
| . as $lead
| answer("email") as $email
| (answer("phone_number") // answer("phone")) as $phone
| {
    type: "customer",
    external_id: .id,
    updated_at: (.created_time | instant),
    identifiers: [
      ($email | values | {kind: "email", value: ., verified: false}),
      ($phone | values | {kind: "phone", value: ., verified: false}),
      (if $email == null and $phone == null then {kind: "account", value: "lead:\($lead.id)"} else empty end)
    ],
    data: {
      person: (
        if answer("first_name") != null or answer("last_name") != null
        then {given_name: answer("first_name"), family_name: answer("last_name")}
        else {full_name: answer("full_name")} end
        + {company: answer("company_name"), birth_date: answer("date_of_birth")}
      ),
      registered_at: (.created_time | instant),
      tags: ["meta lead", .campaign_name],
      addresses: [
        {street: answer("street_address"), postal_code: (answer("post_code") // answer("zip_code")), city: answer("city"), country: answer("country")}
        | select(any(.[]; . != null)) | {use: "contact"} + .
      ]
    },
    consents: [
      if $email == null then empty else .custom_disclaimer_responses end | list[]
      | select((.is_checked | text) as $checked | $checked == "1" or $checked == "true")
      | .checkbox_key as $key
      | select(any(newsletter_boxes[]; . == $key or . == "\($lead.form_id)/\($key)"))
      | {
          purpose: "newsletter_email", channel: "email", act: "granted", at: ($lead.created_time | instant), method: "checkbox",
          evidence: {form_id: $lead.form_id, checkbox_key, lead_id: $lead.id, platform: $lead.platform, submitted_at: ($lead.created_time | instant)}
        }
    ]
  }
