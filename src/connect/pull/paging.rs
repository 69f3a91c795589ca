//! [`Paging`]: which page of a stream comes next.

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::place::Sweep;
use crate::connect::call::{At, Call};
use crate::connect::filter::Filter;
use crate::connect::manifest::pull::{ExpiredSpec, PagingSpec};
use crate::connect::mapping::{exact, value};
use crate::connect::session::Page;
use crate::connect::{Error, Fault};

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Spot {
    First,
    Page(u64),
    Offset(u64),
    Token(String),
    Url(String),
}

/// How a vendor divides a stream into pages.
pub(super) struct Paging {
    size: u32,
    style: Style,
    total: Option<Filter>,
    total_header: Option<String>,
    more: Option<Filter>,
    expired: Option<Refusal>,
}

/// A refusal of the vendor that means something.
pub(in crate::connect) struct Refusal {
    status: u16,
    body: Option<Filter>,
}

impl Refusal {
    pub(in crate::connect) fn load(spec: ExpiredSpec, place: &str, at: At<'_>) -> Result<Self, Error> {
        let body = spec.body.map(|code| at.filter(&code, &format!("{place}.body"))).transpose()?;
        Ok(Self { status: spec.status, body })
    }

    /// Is it this one?
    pub(in crate::connect) fn is(&self, status: StatusCode, body: &Value) -> bool {
        status.as_u16() == self.status && self.body.as_ref().is_none_or(|filter| filter.holds(value(body)))
    }
}

enum Style {
    Page(u64),
    Offset,
    Token(Filter),
    TokenHeader(String),
    Url(Filter),
    Link,
}

impl Paging {
    pub(super) fn load(
        spec: PagingSpec,
        place: &str,
        call: &Call,
        body: &Option<String>,
        at: At<'_>,
    ) -> Result<Self, Error> {
        let name = |what: &str| format!("{place}.paging.{what}");
        let filter = |code: Option<String>, what: &str| code.map(|code| at.filter(&code, &name(what))).transpose();
        let mut styles = Vec::new();
        if let Some(page) = spec.page {
            if page.first > 1 {
                return Err(at.wrong("first:", "pages begin with 0 or 1"));
            }
            styles.push((Style::Page(page.first.into()), "page"));
        }
        if spec.offset {
            styles.push((Style::Offset, "offset"));
        }
        if let Some(token) = filter(spec.token, "token")? {
            styles.push((Style::Token(token), "token"));
        }
        if let Some(name) = spec.token_header {
            styles.push((Style::TokenHeader(name.to_ascii_lowercase()), "token"));
        }
        if let Some(next) = filter(spec.next_url, "next_url")? {
            styles.push((Style::Url(next), ""));
        }
        if spec.link_header {
            styles.push((Style::Link, ""));
        }
        let (1, Some((style, word))) = (styles.len(), styles.pop()) else {
            let message = "name exactly one of page, offset, token, token_header, next_url and link_header";
            return Err(at.wrong("paging:", message));
        };
        if spec.token_alone && word != "token" {
            return Err(at.wrong("token_alone:", "there is no token; name `token` or `token_header`, or leave it out"));
        }
        let uses = word.is_empty()
            || call.needs().any(|name| name == word)
            || body.as_ref().is_some_and(|body| body.contains(word));
        if !uses {
            return Err(
                at.wrong("paging:", format!("the request uses `{{{word}}}` nowhere, so every page would be the first"))
            );
        }
        if spec.size == 0 {
            return Err(at.wrong("size:", "a page holds at least one object"));
        }
        let expired = spec.expired.map(|spec| Refusal::load(spec, &name("expired"), at));
        Ok(Self {
            size: spec.size,
            style,
            total: filter(spec.total, "total")?,
            total_header: spec.total_header,
            more: filter(spec.more, "more")?,
            expired: expired.transpose()?,
        })
    }

    /// How many objects there are in all, if the vendor says it.
    pub(super) fn total(&self, page: &Page) -> Option<u64> {
        if let Some(name) = &self.total_header {
            return page.headers.get(name.as_str())?.to_str().ok()?.trim().parse().ok();
        }
        let yielded = exact(self.total.as_ref()?.run(page.seen.clone()).next()?.ok()?)?;
        yielded.as_u64().or_else(|| yielded.as_str()?.parse().ok())
    }

    /// Is an object that stays found by a reading, whatever goes away meanwhile? Not if as many are added: of numbered pages
    /// one alone is never proof that something is gone.
    pub(super) const fn misses_nothing(&self) -> bool {
        let counted = matches!(self.style, Style::Page(_) | Style::Offset);
        !counted || self.total.is_some() || self.total_header.is_some()
    }

    const fn first(&self) -> u64 {
        if let Style::Page(first) = self.style { first } else { 0 }
    }

    fn step(&self, at: &Spot, count: u64) -> Spot {
        match (at, &self.style) {
            (Spot::Page(page), _) => Spot::Page(page + 1),
            (Spot::Offset(offset), _) => Spot::Offset(offset + count),
            (_, Style::Page(first)) => Spot::Page(first + 1),
            _ => Spot::Offset(count),
        }
    }

    fn step_back(&self, at: &Spot, pages: u64, size: u64) -> Spot {
        match at {
            Spot::Page(page) => Spot::Page(page.saturating_sub(pages).max(self.first())),
            Spot::Offset(offset) => Spot::Offset(offset.saturating_sub(pages * size)),
            other => other.clone(),
        }
    }

    /// Does the vendor say that the page's token is not valid any more?
    pub(super) fn is_expired(&self, status: StatusCode, body: &Value) -> bool {
        self.expired.as_ref().is_some_and(|refusal| refusal.is(status, body))
    }

    /// What a request says to get this page.
    pub(super) fn words(&self, at: &Spot) -> impl Iterator<Item = (&'static str, Value)> {
        let place = match (at, &self.style) {
            (Spot::Page(page), _) => Some(("page", (*page).into())),
            (_, Style::Page(first)) => Some(("page", (*first).into())),
            (Spot::Offset(offset), _) => Some(("offset", (*offset).into())),
            (_, Style::Offset) => Some(("offset", 0.into())),
            (Spot::Token(token), _) => Some(("token", token.clone().into())),
            _ => None,
        };
        std::iter::once(("limit", self.size.into())).chain(place)
    }

    /// The page that comes next; none at the end.
    /// `pull` names the stream in a fault.
    ///
    /// # Errors
    /// If what the vendor says of the next page cannot be read, or leads back to this one.
    pub(super) fn next(
        &self,
        sweep: &mut Sweep,
        page: &Page,
        (count, total): (u64, Option<u64>),
        pull: &str,
    ) -> Result<Option<Spot>, Fault> {
        let size = u64::from(self.size).max(1);
        let json = || page.seen.clone();
        let follow = |filter: &Filter, name: &str| match filter.run(json()).next().map(|yielded| yielded.map(exact)) {
            None | Some(Ok(Some(Value::Null))) => Ok(None),
            Some(Ok(Some(Value::String(text)))) if text.is_empty() => Ok(None),
            Some(Ok(Some(Value::String(text)))) => Ok(Some(text)),
            Some(Ok(Some(Value::Number(number)))) => Ok(Some(number.to_string())),
            _ => Err(Fault::Filter(format!("{pull}.paging.{name}"))),
        };
        let next = match &self.style {
            Style::Token(filter) => follow(filter, "token")?.map(Spot::Token),
            Style::TokenHeader(name) => {
                let token = page.headers.get(name.as_str()).and_then(|token| token.to_str().ok()).map(str::trim);
                token.filter(|token| !token.is_empty()).map(|token| Spot::Token(token.to_owned()))
            }
            Style::Url(filter) => follow(filter, "next_url")?.map(Spot::Url),
            Style::Link => link_header(&page.headers).map(Spot::Url),
            Style::Page(_) | Style::Offset => {
                // Objects that went away meanwhile moved the others up: step back, so that none is passed over.
                let gone = sweep.total.zip(total).map_or(0, |(before, now)| before.saturating_sub(now));
                sweep.total = total;
                let back = gone.div_ceil(size);
                sweep.read = sweep.read.saturating_add(count);
                if back > 0 && sweep.at != Spot::First {
                    sweep.read = sweep.read.saturating_sub(count + back * size);
                    return Ok(Some(self.step_back(&sweep.at, back, size)));
                }
                let more = match (&self.more, total) {
                    _ if count == 0 => false,
                    (Some(more), _) => more.holds(json()),
                    (None, Some(total)) => sweep.read < total,
                    (None, None) => true,
                };
                return Ok(more.then(|| self.step(&sweep.at, count)));
            }
        };
        sweep.read = sweep.read.saturating_add(count);
        let more = self.more.as_ref().is_none_or(|more| more.holds(json()));
        match next {
            Some(next) if next == sweep.at => Err(Fault::Repeats),
            next => Ok(next.filter(|_| more)),
        }
    }
}

/// The address with `rel="next"` (RFC 8288).
pub(in crate::connect) fn link_header(headers: &reqwest::header::HeaderMap) -> Option<String> {
    headers.get_all("link").iter().filter_map(|value| value.to_str().ok()).flat_map(split_links).find_map(|link| {
        let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = rest.split(';').map(str::trim).any(|part| matches!(part, "rel=\"next\"" | "rel=next"));
        next.then(|| address.to_owned())
    })
}

/// Links are divided by commas, which may stand inside an address too.
fn split_links(value: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    value.split(move |character| {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            _ => {}
        }
        character == ',' && !inside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        let mut headers = reqwest::header::HeaderMap::new();
        let text = "<https://a.example/x?p=1,2>; rel=\"previous\", <https://a.example/x?p=3>; rel=\"next\"";
        headers.insert("link", text.parse().unwrap());
        assert_eq!(link_header(&headers).as_deref(), Some("https://a.example/x?p=3"));
        headers.insert("link", "<https://a.example/x>; rel=\"last\"".parse().unwrap());
        assert_eq!(link_header(&headers), None);
    }
}
