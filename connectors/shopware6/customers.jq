# An address is proved by the double opt-in of the registration alone, which is off in many shops: without it, anybody can register
# with somebody else's, and be active.
def confirmed: .doubleOptInConfirmDate != null;

def salutation: {mr: "Herr", mrs: "Frau", diverse: "Divers"}[.salutation.salutationKey // "not_specified"];

def language: {Deutsch: "de", German: "de", English: "en", Englisch: "en"}[.language.name // ""];

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

if .email == null then error("the customer has no e-mail") else . end
| . as $customer
| (if (.addresses | list | length) > 0 then .addresses else [.defaultBillingAddress, .defaultShippingAddress | values] end) as $addresses
| {
    type: "customer",
    external_id: .id,
    updated_at: (.updatedAt // .createdAt | instant),
    identifiers: ([
      {kind: "email", value: .email, verified: confirmed},
      {kind: "account", value: .id},
      {kind: "customer_number", value: (.customerNumber | text)}
    ] + [$addresses | map(.phoneNumber | filled | values) | unique[] | {kind: "phone", value: .}]),
    data: {
      person: {
        salutation: salutation,
        title,
        given_name: .firstName,
        family_name: .lastName,
        company,
        birth_date: (.birthday | day),
        language: language
      },
      customer_number: (.customerNumber | text),
      group: .group.name,
      tags: (.tags | list | map(.name)),
      registered_at: (.createdAt | instant),
      guest,
      addresses: [$addresses[]
        | if .id == $customer.defaultBillingAddressId then address("billing")
          elif .id == $customer.defaultShippingAddressId then address("shipping")
          else address("contact") end]
    }
  }
