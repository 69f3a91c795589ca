def address($use): {use: $use, street, extra: .supplement, postal_code: .zip, city, country: .countryCode};

# The person a company is spoken to through: the primary one, or else the first.
def spokesperson: (.company.contactPersons | list) as $all | ([$all[] | select(.primary == true)] + $all) | .[0];

# Exports write an absent role as an empty object or an empty list.
select((.roles.customer | type) == "object" and (.roles.customer.number != null))
| if .id == null or .version == null then error("the contact has no id or no version") else . end
| (.company != null) as $company
| (if $company then spokesperson else null end) as $speaker
| [.emailAddresses | objects | (.private, .business, .office, .other) | list[]] as $mailboxes
| [.phoneNumbers | objects | (.mobile, .private, .business, .office, .other) | list[]] as $phones
| {
    type: "customer",
    external_id: .id,
    updated_at: (946684800 + .version | todate),
    identifiers: (
      [{kind: "account", value: .id}, {kind: "customer_number", value: (.roles.customer.number | text)}]
      + [$speaker.emailAddress | filled | values | {kind: "email", value: ., verified: false}]
      + [$mailboxes | map(select(. != $speaker.emailAddress)) | unique[] | {kind: "email", value: ., verified: false}]
      + [[$speaker.phoneNumber | filled | values] + $phones | unique[] | {kind: "phone", value: .}]
    ),
    data: {
      person: (
        if $company
        then {salutation: $speaker.salutation, given_name: $speaker.firstName, family_name: $speaker.lastName, company: .company.name}
        else {salutation: .person.salutation, given_name: .person.firstName, family_name: .person.lastName} end
      ),
      customer_number: (.roles.customer.number | text),
      addresses: [(.addresses.billing | list[] | address("billing")), (.addresses.shipping | list[] | address("shipping"))],
      note
    }
  }
