//! Tokens of a session: asked for, kept for as long as they are valid, and refresh tokens put in the place of the one before.

use std::sync::{MutexGuard, PoisonError};

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use ring::digest::{SHA256, digest};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::once::{Setback, basic};
use super::{Issued, Session};
use crate::connect::Fault;
use crate::connect::auth::TokenCall;
use crate::connect::call::form;
use crate::connect::link::Link;
use crate::connect::manifest::auth::TokenForm;
use crate::connect::outside::Prepared;
use crate::types::Timestamp;

/// A token is renewed so long before it ends.
const TOKEN_MARGIN: i64 = 30 * Timestamp::SECOND;
/// How long a token is used whose vendor does not say.
const TOKEN_LIFE: i64 = 300;

/// What is said where a code brought only what ends in an hour.
const WITHOUT_REFRESH: &str =
    "the vendor gave a token for it that ends soon, and none that lasts; it may want another scope for that";

fn missing() -> Fault {
    Fault::Parameter { name: "for the token".to_owned(), wrong: "is missing" }
}

impl Session {
    pub(super) async fn token(&self, link: &Link, token: &TokenCall) -> Result<Zeroizing<String>, Setback> {
        let lasts = |issued: &Issued| self.now().plus(TOKEN_MARGIN) < issued.until;
        if let Some(issued) = self.own_token().as_ref().filter(|issued| lasts(issued)) {
            return Ok(issued.value.clone());
        }
        // One asks for it, and whoever talks to the vendor besides waits for that: some count how often they are asked, and of two
        // who change one refresh token the second has a worthless one.
        let purse = self.lane.purse(self.login);
        let mut shared = purse.lock().await;
        self.reread(token).await?;
        let with = self.refreshed_with(token);
        if let Some(issued) = shared.as_ref().filter(|issued| lasts(issued) && issued.with == with) {
            *self.own_token() = Some(issued.clone());
            return Ok(issued.value.clone());
        }
        let answer = match self.ask_for_token(link, token).await {
            Err(Setback { fault: Fault::Credentials(code), .. }) => {
                // Another process may have changed it since it was read.
                self.reread(token).await?;
                if self.refreshed_with(token) == with {
                    return Err(Fault::Credentials(code).into());
                }
                self.ask_for_token(link, token).await?
            }
            answer => answer?,
        };
        let text = |name: &str| answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let value = Zeroizing::new(text("access_token").ok_or(Fault::NotTheVendor)?.to_owned());
        // Some vendors write the seconds as text.
        let life = answer.get("expires_in").and_then(|life| life.as_i64().or_else(|| life.as_str()?.parse().ok()));
        let until = self.now().plus(life.unwrap_or(TOKEN_LIFE).saturating_mul(Timestamp::SECOND));
        if let (Some(parameter), Some(next)) = (&token.refresh, text("refresh_token")) {
            self.keep(parameter, next).await?;
        }
        let issued = Issued { value: value.clone(), until, with: self.refreshed_with(token) };
        *self.own_token() = Some(issued.clone());
        *shared = Some(issued);
        Ok(value)
    }

    fn own_token(&self) -> MutexGuard<'_, Option<Issued>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the refresh token as it is kept now.
    async fn reread(&self, token: &TokenCall) -> Result<(), Fault> {
        if let (Some(parameter), Some(keeper)) = (&token.refresh, &self.keeper)
            && let Some(kept) = keeper.kept(parameter).await?
        {
            self.remember(parameter, kept);
        }
        Ok(())
    }

    /// A digest of the refresh token as this session knows it.
    fn refreshed_with(&self, token: &TokenCall) -> [u8; 32] {
        let all = self.variables();
        let known = token.refresh.as_ref().and_then(|parameter| all.get(parameter)).and_then(Value::as_str);
        digest(&SHA256, known.unwrap_or_default().as_bytes()).as_ref().try_into().unwrap_or_default()
    }

    async fn ask_for_token(&self, link: &Link, token: &TokenCall) -> Result<Value, Setback> {
        let all = self.variables();
        let fields = token.fields.iter().map(|(name, text)| Some((name.as_str(), text.fill(&all)?)));
        let fields: Vec<(&str, String)> = fields.collect::<Option<_>>().ok_or_else(missing)?;
        self.ask_for_token_with(link, token, fields).await
    }

    /// Asks where `token` is had, as whom it says, with other fields than its own.
    async fn ask_for_token_with(
        &self,
        link: &Link,
        token: &TokenCall,
        mut fields: Vec<(&str, String)>,
    ) -> Result<Value, Setback> {
        let all = self.variables();
        for (name, text) in &token.client {
            fields.push((name, text.fill(&all).ok_or_else(missing)?));
        }
        let (body, kind) = match token.form {
            TokenForm::Form => (form(fields), "application/x-www-form-urlencoded"),
            TokenForm::Json => {
                let object: Value =
                    fields.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect();
                (serde_json::to_vec(&object).map_err(|_| Fault::Machine)?, "application/json")
            }
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some((id, secret)) = &token.basic {
            headers.insert(AUTHORIZATION, basic(id.fill(&all).zip(secret.fill(&all)).ok_or_else(missing)?)?);
        }
        let url = token.url.fill(&all).and_then(|url| Url::parse(&url).ok());
        let url = url.ok_or_else(|| Fault::Address("where the manifest asks for tokens".to_owned()))?;
        let prepared = Prepared { method: Method::POST, url, headers, body: Some(body) };
        let reply = self.send(link, "", &prepared).await.map_err(|mut setback| {
            // The standard answers wrong credentials with 400 (RFC 6749, 5.2).
            if let Fault::Vendor { status: 400, code } = setback.fault {
                setback.fault = Fault::Credentials(code);
            }
            setback
        })?;
        Ok(serde_json::from_slice(&reply.body).map_err(|_| Fault::Unreadable)?)
    }

    /// As whom the hub asks for tokens.
    pub(in crate::connect) fn client(&self) -> Result<String, Fault> {
        let token = self.link()?.auth.refreshing().ok_or(Fault::NotTheVendor)?;
        let named = token.client.iter().find(|(name, _)| name == "client_id").map(|(_, id)| id);
        let id = named.or(token.basic.as_ref().map(|(id, _)| id));
        id.and_then(|id| id.fill(&self.variables())).ok_or_else(missing)
    }

    /// Hands a code of the vendor's in for a refresh token, which this session then uses. `proof`: who brings it asked for it.
    ///
    /// # Errors
    /// Why the vendor gives none.
    pub(in crate::connect) async fn redeem(
        &self,
        code: &str,
        redirect: &str,
        proof: Option<&str>,
    ) -> Result<Zeroizing<String>, Fault> {
        let link = self.link()?;
        let token = link.auth.refreshing().ok_or(Fault::NotTheVendor)?;
        let mut fields = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", redirect.to_owned()),
        ];
        fields.extend(proof.map(|proof| ("code_verifier", proof.to_owned())));
        let answer = self.ask_for_token_with(link, token, fields).await.map_err(|setback| setback.fault)?;
        let refresh = answer.get("refresh_token").and_then(Value::as_str).filter(|text| !text.is_empty());
        let refresh = Zeroizing::new(refresh.ok_or(Fault::NoCode(WITHOUT_REFRESH))?.to_owned());
        if let Some(parameter) = &token.refresh {
            self.remember(parameter, refresh.to_string());
        }
        Ok(refresh)
    }

    /// Keeps a new refresh token before it is used: if it were lost, the old one would be worthless already.
    async fn keep(&self, parameter: &str, next: &str) -> Result<(), Fault> {
        let known = self.variables().get(parameter).and_then(Value::as_str).is_some_and(|known| known == next);
        if known {
            return Ok(());
        }
        if let Some(keeper) = &self.keeper {
            keeper.keep(parameter, next).await?;
        }
        self.remember(parameter, next.to_owned());
        Ok(())
    }

    fn remember(&self, parameter: &str, value: String) {
        let mut variables = self.variables.lock().unwrap_or_else(PoisonError::into_inner);
        variables.insert(parameter.to_owned(), Value::String(value));
    }

    /// False if there is none to forget.
    pub(super) async fn forget_token(&self) -> bool {
        let Some(worthless) = self.own_token().take() else { return false };
        let purse = self.lane.purse(self.login);
        let mut shared = purse.lock().await;
        // Somebody else may have asked for another one already.
        if shared.as_ref().is_some_and(|issued| *issued.value == *worthless.value) {
            *shared = None;
        }
        true
    }
}
