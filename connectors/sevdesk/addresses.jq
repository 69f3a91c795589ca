if .contact.category.id == null then error("the address does not say of which kind its contact is") else . end
# 3 is sevDesk's own category of customers.
| select((.contact.category.id | text) == "3")
# Whom the hub had emptied there comes back as nobody's news, whatever somebody wrote beside that.
| select(.contact.description | text // "" | contains("Gelöscht auf Verlangen der Person (Art. 17 DSGVO)") | not)
| if .id == null or .contact.id == null then error("the address has no id or no contact") else . end
| {
    type: "customer",
    external_id: "address:\(.id)",
    updated_at: ((.update // .create) | instant),
    identifiers: [{kind: "account", value: (.contact.id | text)}],
    data: {
      addresses: [{
        use: "contact",
        name,
        extra: .name2,
        street,
        postal_code: (.zip | text),
        city,
        country: (.country.code | filled | if . == null then null else ascii_upcase end)
      }]
    }
  }
