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

# "Not unsubscribed" is no consent, and neither is one without a moment. A no is one without it, too: it counts as of the customer's last
# change, and comes with everything the shop tells of them.
def consent($purpose; $channel; $said):
  . as $customer
  | $said | objects
  | select(.consent_updated_at != null or .state == "unsubscribed")
  | {source_state: .state, opt_in_level, collected_from: .consent_collected_from, customer_id: ($customer.id | text)} as $evidence
  | if .state == "subscribed" and .opt_in_level == "confirmed_opt_in" then {
      act: "granted", method: "double_opt_in", evidence: ($evidence + {confirmed_at: (.consent_updated_at | instant)})
    } elif .state == "subscribed" and .opt_in_level == "single_opt_in" then {
      act: "granted", method: "single_opt_in", evidence: $evidence
    } elif .state == "subscribed" then {
      # How is not said, so it proves nothing and opens nothing; but a no that comes after it is another one.
      act: "granted", method: "import"
    } elif .state == "unsubscribed" then {
      act: "withdrawn", method: "import", evidence: $evidence, undated: (if .consent_updated_at == null then true else null end)
    } else empty end
    + {at: ((.consent_updated_at // $customer.updated_at) | instant)}
  | {purpose: $purpose, channel: $channel} + .;

# Whom the shop redacted is nobody any more: a customer has a name, a mail address or a phone number there.
select(any(.email, .phone, .first_name, .last_name; filled != null) or (.addresses | list) != [])
| if .id == null then error("the customer has no id") else . end
| . as $customer
| (.addresses | list) as $addresses
| {
    type: "customer",
    external_id: (.id | text),
    updated_at: (.updated_at | instant),
    identifiers: [
      (.email | filled | values | {kind: "email", value: ., verified: ($customer.verified_email == true)}),
      {kind: "account", value: (.id | text)},
      (.phone | filled | values | {kind: "phone", value: .})
    ],
    data: {
      person: {given_name: .first_name, family_name: .last_name, company: .default_address.company},
      customer_number: (.id | text),
      tags: [.tags // "" | split(",")[] | filled | values | trim],
      registered_at: (.created_at | instant),
      addresses: [$addresses[] | if .default == true then address("billing") else address("contact") end],
      note
    },
    consents: [
      if .email | filled then consent("newsletter_email"; "email"; .email_marketing_consent) else empty end,
      if .phone | filled then consent("newsletter_sms"; "sms"; .sms_marketing_consent) else empty end
    ]
  }
