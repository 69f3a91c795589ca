//! How a call proves who it comes from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Ways to authenticate; those that are named are combined.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct AuthSpec {
    /// HTTP Basic.
    #[serde(default)]
    pub(in crate::connect) basic: Option<BasicSpec>,
    /// Headers, such as `X-Api-Key: "{api_key}"`.
    #[serde(default)]
    pub(in crate::connect) headers: BTreeMap<String, String>,
    /// Parameters of the query.
    #[serde(default)]
    pub(in crate::connect) query: BTreeMap<String, String>,
    /// A parameter of the query that proves that who calls knows a secret besides the token.
    #[serde(default)]
    pub(in crate::connect) proof: Option<ProofSpec>,
    /// A token for client id and secret (RFC 6749, 4.4).
    #[serde(default)]
    pub(in crate::connect) oauth2_client_credentials: Option<ClientCredentialsSpec>,
    /// A token for a refresh token (RFC 6749, 6).
    #[serde(default)]
    pub(in crate::connect) oauth2_refresh: Option<RefreshSpec>,
    /// A token for a user's name and password (RFC 6749, 4.3). Beside one of the other two it is asked for where a user is entered.
    #[serde(default)]
    pub(in crate::connect) oauth2_password: Option<PasswordSpec>,
    /// How the merchant comes by the refresh token of `oauth2_refresh` (RFC 6749, 4.1): by opening an address of the vendor's once, when
    /// the source is added.
    #[serde(default)]
    pub(in crate::connect) oauth2_code: Option<CodeSpec>,
}

/// HMAC-SHA-256 in hexadecimal as a parameter of the query.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct ProofSpec {
    /// The parameter, such as `appsecret_proof`.
    pub(in crate::connect) parameter: String,
    /// The secret, with placeholders.
    pub(in crate::connect) secret: String,
    /// What is signed, with placeholders.
    pub(in crate::connect) over: String,
}

/// HTTP Basic (RFC 7617).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct BasicSpec {
    /// The user's name, with placeholders.
    pub(in crate::connect) user: String,
    /// The password, with placeholders.
    pub(in crate::connect) password: String,
}

/// OAuth 2.0 client credentials.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct ClientCredentialsSpec {
    /// Where tokens are made; its host must be among the hosts.
    pub(in crate::connect) token_url: String,
    /// The client's id, with placeholders.
    pub(in crate::connect) client_id: String,
    /// The client's secret, with placeholders.
    pub(in crate::connect) client_secret: String,
    /// The scope to ask for.
    #[serde(default)]
    pub(in crate::connect) scope: Option<String>,
    /// Do id and secret stand in the header of HTTP Basic instead of among the fields (RFC 6749, 2.3.1)?
    #[serde(default)]
    pub(in crate::connect) basic: bool,
    /// Further fields, such as `audience`.
    #[serde(default)]
    pub(in crate::connect) fields: BTreeMap<String, String>,
    /// How the request for a token is written.
    #[serde(default)]
    pub(in crate::connect) form: TokenForm,
    /// The header the token goes into.
    #[serde(default = "authorization")]
    pub(in crate::connect) header: String,
    /// What stands before the token there.
    #[serde(default = "bearer")]
    pub(in crate::connect) prefix: String,
}

/// OAuth 2.0 refresh token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct RefreshSpec {
    /// Where tokens are made; its host must be among the hosts.
    pub(in crate::connect) token_url: String,
    /// The client's id, with placeholders.
    pub(in crate::connect) client_id: String,
    /// The client's secret, with placeholders.
    #[serde(default)]
    pub(in crate::connect) client_secret: Option<String>,
    /// Do id and secret stand in the header of HTTP Basic instead of among the fields (RFC 6749, 2.3.1)?
    #[serde(default)]
    pub(in crate::connect) basic: bool,
    /// Further fields.
    #[serde(default)]
    pub(in crate::connect) fields: BTreeMap<String, String>,
    /// The parameter that holds the refresh token. If the vendor hands out a new one with each use, that one is kept in
    /// its place before it is used.
    pub(in crate::connect) refresh_token: String,
    /// How the request for a token is written.
    #[serde(default)]
    pub(in crate::connect) form: TokenForm,
    /// The header the token goes into.
    #[serde(default = "authorization")]
    pub(in crate::connect) header: String,
    /// What stands before the token there.
    #[serde(default = "bearer")]
    pub(in crate::connect) prefix: String,
}

/// OAuth 2.0 with a user's name and password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct PasswordSpec {
    /// Where tokens are made; its host must be among the hosts.
    pub(in crate::connect) token_url: String,
    /// The client's id, with placeholders.
    pub(in crate::connect) client_id: String,
    /// The client's secret, with placeholders.
    #[serde(default)]
    pub(in crate::connect) client_secret: Option<String>,
    /// Do id and secret stand in the header of HTTP Basic instead of among the fields (RFC 6749, 2.3.1)?
    #[serde(default)]
    pub(in crate::connect) basic: bool,
    /// The user's name, with placeholders.
    pub(in crate::connect) username: String,
    /// The user's password, with placeholders.
    pub(in crate::connect) password: String,
    /// The scope to ask for.
    #[serde(default)]
    pub(in crate::connect) scope: Option<String>,
    /// Further fields.
    #[serde(default)]
    pub(in crate::connect) fields: BTreeMap<String, String>,
    /// How the request for a token is written.
    #[serde(default)]
    pub(in crate::connect) form: TokenForm,
    /// The header the token goes into.
    #[serde(default = "authorization")]
    pub(in crate::connect) header: String,
    /// What stands before the token there.
    #[serde(default = "bearer")]
    pub(in crate::connect) prefix: String,
}

/// OAuth 2.0 authorization code, for setting up only: a refresh token comes of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct CodeSpec {
    /// The address the merchant opens, with placeholders.
    pub(in crate::connect) authorize_url: String,
    /// Where the vendor leads the browser then, as it is registered there, with placeholders. Nobody needs to answer at it: the merchant
    /// copies the address out of the browser.
    pub(in crate::connect) redirect_url: String,
    /// The scope to ask for.
    #[serde(default)]
    pub(in crate::connect) scope: Option<String>,
    /// Does the vendor take a proof that who brings the code asked for it (RFC 7636, S256)?
    #[serde(default)]
    pub(in crate::connect) pkce: bool,
    /// Further parameters of the address, such as `access_type: offline`.
    #[serde(default)]
    pub(in crate::connect) fields: BTreeMap<String, String>,
}

/// How a request for a token is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum TokenForm {
    /// `application/x-www-form-urlencoded`, as the standard says.
    #[default]
    Form,
    /// JSON.
    Json,
}

fn authorization() -> String {
    "Authorization".to_owned()
}

fn bearer() -> String {
    "Bearer ".to_owned()
}
