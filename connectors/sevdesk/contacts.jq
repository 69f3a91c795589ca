# 3 is sevDesk's own category of customers.
select((.category.id | text) == "3")
# Whom the hub had emptied there comes back as nobody's news, whatever somebody wrote beside that.
| select(.description | text // "" | contains("Gelöscht auf Verlangen der Person (Art. 17 DSGVO)") | not)
| if .id == null then error("the contact has no id") else . end
| (.id | text) as $id
| (.name | filled) as $company
# Only those that are said to be this contact's.
| [.ways | list[] | select((.contact.id | text) == $id)] as $ways
| {
    type: "customer",
    external_id: $id,
    # A mail address that changes does not change the contact.
    updated_at: ([., $ways[]] | map(.update // .create | values | instant) | max),
    identifiers: (
      [{kind: "account", value: $id}, (.customerNumber | text | filled | values | {kind: "customer_number", value: .})]
      + [$ways[] | select(.type == "EMAIL") | .value | filled | values | {kind: "email", value: ., verified: false}]
      + [$ways[] | select(.type == "PHONE" or .type == "MOBILE") | .value | filled | values | {kind: "phone", value: .}]
    ),
    data: {
      person: {title: .titel, given_name: .surename, family_name: .familyname, company: $company, birth_date: (.birthday | day)},
      customer_number: (.customerNumber | text),
      note: .description
    }
  }
