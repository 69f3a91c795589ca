//! [`May`]: permission in the signature. A handler that takes `May<op::X, Sent>` is reached only by callers whose key
//! is valid now and whose role may do X; only then is `Sent` (body, query, path) read at all.

use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use super::house::House;
use super::permissions::Operation;
use super::problem::{Code, Problem};
use crate::gateway::{Actor, Caller};
use crate::types::{ApiKeyId, Role};

/// A call that is allowed.
pub struct May<O, Sent = ()> {
    /// Who asks, and under which purposes they may.
    pub caller: Caller,
    /// The key they carry.
    pub key: ApiKeyId,
    /// Its role.
    pub role: Role,
    /// What they sent.
    pub sent: Sent,
    operation: PhantomData<fn() -> O>,
}

impl<O, Sent> May<O, Sent> {
    /// Key and role, as the audit book wants them.
    #[must_use]
    pub const fn by(&self) -> (ApiKeyId, Role) {
        (self.key, self.role)
    }
}

impl<O: Operation, Sent: FromRequest + 'static> FromRequest for May<O, Sent> {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = identify(&request).await?;
            let Actor::Key { id: key, role } = caller.actor else { return Err(unauthenticated().into()) };
            if !O::ROW.roles.contains(&role) {
                return Err(Problem::new(Code::Forbidden, "This operation is for another role.").into());
            }
            let sent = Sent::from_request(&request, &mut payload).await.map_err(Into::into)?;
            Ok(Self { caller, key, role, sent, operation: PhantomData })
        })
    }
}

async fn identify(request: &HttpRequest) -> Result<Caller, Problem> {
    let house = request.app_data::<Data<House>>().ok_or_else(|| Problem::internal("a route without its house"))?;
    let key = bearer(request.headers()).ok_or_else(unauthenticated)?;
    house.doorkeeper.identify(key).await?.ok_or_else(unauthenticated)
}

/// The key of `Authorization: Bearer …`, the scheme in any case (RFC 9110).
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The same for a missing, unknown, expired and revoked key.
fn unauthenticated() -> Problem {
    Problem::new(Code::Unauthenticated, "Send a valid API key: Authorization: Bearer obh_…")
}
