//! [`Authorisation`]: a refresh token that the merchant allows the hub to have, by opening an address of the vendor's
//! (RFC 6749, 4.1).
//!
//! ```text
//! address → opened and allowed in a browser → led to the redirect address with `code` and `state` → code handed in → refresh token
//! ```
//!
//! Nobody answers at the redirect address: the merchant copies it out of the browser. What it brings is taken only with the
//! state of this very request, which is chance; and where the vendor knows PKCE (RFC 7636), the code is worth nothing to
//! whoever saw it on its way.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq as _;
use url::Url;
use zeroize::Zeroizing;

use super::Fault;
use super::session::Session;
use super::template::Variables;
use crate::types::Entropy;

/// A permission that was asked for and is not given yet. It lives as long as somebody waits for it.
pub struct Authorisation {
    session: Session,
    parameter: String,
    address: Url,
    redirect: String,
    state: String,
    verifier: Option<Zeroizing<String>>,
}

impl Authorisation {
    /// None if the connector's tokens are had in another way.
    pub(super) fn begin(session: Session, entropy: &dyn Entropy) -> Result<Option<Self>, Fault> {
        let connector = session.connector().clone();
        let Some(link) = connector.link() else { return Ok(None) };
        let (Some(code), Some(parameter)) = (&link.auth.code, link.authorised()) else { return Ok(None) };
        let all = session.variables();
        let client = session.client()?;
        let fill = |text: &super::template::Template, all: &Variables| text.fill(all).ok_or_else(missing);
        let redirect = fill(&code.redirect_url, &all)?;
        let address = fill(&code.authorize_url, &all)?;
        let mut address =
            Url::parse(&address).map_err(|_| Fault::Address("where the manifest asks for permission".to_owned()))?;
        let state = chance(entropy)?.to_string();
        let verifier = code.pkce.then(|| chance(entropy)).transpose()?;
        {
            let mut query = address.query_pairs_mut();
            query.append_pair("response_type", "code");
            query.append_pair("client_id", &client);
            query.append_pair("redirect_uri", &redirect);
            query.append_pair("state", &state);
            for (name, text) in &code.fields {
                query.append_pair(name, &fill(text, &all)?);
            }
            if let Some(verifier) = &verifier {
                let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
                query.append_pair("code_challenge", &challenge).append_pair("code_challenge_method", "S256");
            }
        }
        Ok(Some(Self { session, parameter: parameter.to_owned(), address, redirect, state, verifier }))
    }

    /// What the merchant opens in a browser.
    #[must_use]
    pub fn address(&self) -> &str {
        self.address.as_str()
    }

    /// Where the vendor leads the browser then.
    #[must_use]
    pub fn redirect(&self) -> &str {
        &self.redirect
    }

    /// Takes the address the browser was led to, and answers the refresh token with the name of its parameter.
    ///
    /// # Errors
    /// If it is no answer to this request, or the vendor takes its code for nothing.
    pub async fn finish(self, came_to: &str) -> Result<(String, Zeroizing<String>), Fault> {
        let came_to = Url::parse(came_to.trim()).map_err(|_| Fault::NoCode(NO_ADDRESS))?;
        let of = |wanted: &str| {
            came_to.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| Zeroizing::new(value.into_owned()))
        };
        let state = of("state").ok_or(Fault::NoCode(NO_ADDRESS))?;
        if !bool::from(state.as_bytes().ct_eq(self.state.as_bytes())) {
            return Err(Fault::NoCode(ANOTHER));
        }
        if of("error").is_some() {
            return Err(Fault::NoCode(DENIED));
        }
        let code = of("code").filter(|code| !code.is_empty()).ok_or(Fault::NoCode(NO_ADDRESS))?;
        let verifier = self.verifier.as_ref().map(|verifier| verifier.as_str());
        let refresh = self.session.redeem(&code, &self.redirect, verifier).await?;
        Ok((self.parameter, refresh))
    }
}

const NO_ADDRESS: &str = "this is no address with a code; copy the whole address out of the browser once the vendor led it there, and \
                          begin again";
const ANOTHER: &str =
    "this is the answer to another request; somebody else's, or one of before: begin again, and open the new address";
const DENIED: &str = "the vendor says that it was not allowed; begin again, and allow it there";

fn missing() -> Fault {
    Fault::Parameter { name: "for the permission".to_owned(), wrong: "is missing" }
}

/// 256 bits, as RFC 7636 recommends for a verifier.
fn chance(entropy: &dyn Entropy) -> Result<Zeroizing<String>, Fault> {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(&mut *bytes).map_err(|_| Fault::Machine)?;
    Ok(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes)))
}
