def status: {optIn: "confirmed", direct: "subscribed", notSet: "pending", optOut: "unsubscribed"}[.status];

def salutation: {mr: "Herr", mrs: "Frau", diverse: "Divers"}[.salutation.salutationKey // "not_specified"];

# "Not unsubscribed" is no consent: only a confirmation or a subscription proves one. When somebody unsubscribed the shop does not say:
# at the last change of anything, at the latest.
def consent:
  if .status == "optIn" and .confirmedAt != null then {
    act: "granted", at: (.confirmedAt | instant), method: "double_opt_in",
    evidence: {source_status: .status, requested_at: (.createdAt | instant), confirmed_at: (.confirmedAt | instant), recipient_id: .id}
  } elif .status == "direct" then {
    act: "granted", at: (.createdAt | instant), method: "single_opt_in",
    evidence: {source_status: .status, requested_at: (.createdAt | instant), recipient_id: .id}
  } elif .status == "optOut" then {
    act: "withdrawn", at: (.updatedAt // .createdAt | instant), undated: true, method: "import",
    evidence: {source_status: .status, recipient_id: .id}
  } else empty end
  | {purpose: "newsletter_email", channel: "email"} + .;

if status == null then error("the newsletter status is none of optIn, direct, notSet, optOut") else . end
| {
    type: "newsletter_subscription",
    external_id: .id,
    updated_at: (.updatedAt // .createdAt | instant),
    identifiers: [{kind: "email", value: .email, verified: (.status == "optIn" and .confirmedAt != null)}],
    data: {
      list: "newsletter",
      status: status,
      subscribed_at: (.createdAt | instant),
      confirmed_at: (.confirmedAt | instant),
      unsubscribed_at: (if .status == "optOut" then (.updatedAt // .createdAt | instant) else null end),
      person: {salutation: salutation, title, given_name: .firstName, family_name: .lastName},
      addresses: [{street, postal_code: .zipCode, city} | select(any(.[]; . != null)) | {use: "contact"} + .]
    },
    consents: [consent]
  }
