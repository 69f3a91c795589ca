def address($use): select(.address_1 | filled) | {
  use: $use,
  name: ([.first_name, .last_name] | map(filled | values) | join(" ")),
  company,
  street: .address_1,
  extra: .address_2,
  postal_code: .postcode,
  city,
  region: .state,
  country
};

# WordPress keeps those who work on the site among its customers.
def works_here: .role as $role | any(("administrator", "editor", "author", "contributor", "shop_manager"); . == $role);

select(works_here | not)
| if .id == null then error("the customer has no id") else . end
| {
    type: "customer",
    external_id: (.id | text),
    updated_at: ((.date_modified_gmt // .date_created_gmt) + "Z"),
    identifiers: [
      (.email | filled | values | {kind: "email", value: ., verified: false}),
      {kind: "account", value: (.id | text)},
      (.billing.phone | filled | values | {kind: "phone", value: .})
    ],
    data: {
      person: {
        given_name: ((.first_name | filled) // .billing.first_name),
        family_name: ((.last_name | filled) // .billing.last_name),
        company: .billing.company
      },
      customer_number: (.id | text),
      group: .role,
      registered_at: (.date_created_gmt + "Z"),
      addresses: [(.billing | values | address("billing")), (.shipping | values | address("shipping"))]
    }
  }
