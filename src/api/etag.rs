//! `ETag`, `If-Match` and `If-None-Match` (RFC 9110 §§ 8.8.3, 13.1): who changes what somebody else changed meanwhile is
//! told, and who asks for what they have already is spared the answer.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest};

use super::problem::{Code, Problem};

/// The conditions of a call.
pub(super) struct Conditions {
    matches: Option<Tags>,
    none_matches: Option<Tags>,
}

/// What a condition names.
enum Tags {
    /// `*`: whatever there is.
    Any,
    /// Tags with their quotes, the weak ones beside.
    These { strong: Vec<String>, weak: Vec<String> },
}

impl Conditions {
    /// Whether a change may be made to what has this tag now; none: there is nothing yet.
    pub(super) fn hold(&self, tag: Option<&str>) -> bool {
        // A weak tag never matches where it is about changing something.
        let matches = self.matches.as_ref().is_none_or(|tags| tags.name(tag, false));
        matches && self.none_matches.as_ref().is_none_or(|tags| !tags.name(tag, true))
    }

    /// Whether the caller has what has this tag already.
    pub(super) fn known(&self, tag: &str) -> bool {
        self.none_matches.as_ref().is_some_and(|tags| tags.name(Some(tag), true))
    }
}

impl Tags {
    fn name(&self, tag: Option<&str>, weakly: bool) -> bool {
        let Some(tag) = tag else { return false };
        match self {
            Self::Any => true,
            Self::These { strong, weak } => {
                strong.iter().any(|named| named == tag) || (weakly && weak.iter().any(|named| named == tag))
            }
        }
    }

    /// The list of a header; None if it is none.
    fn read(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let (mut strong, mut weak, mut rest) = (Vec::new(), Vec::new(), text.trim());
        loop {
            let (list, start) = match rest.strip_prefix("W/") {
                Some(start) => (&mut weak, start),
                None => (&mut strong, rest),
            };
            let (tag, after) = start.strip_prefix('"')?.split_once('"')?;
            if tag.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
                return None;
            }
            list.push(format!("\"{tag}\""));
            rest = after.trim_start();
            if rest.is_empty() {
                return Some(Self::These { strong, weak });
            }
            rest = rest.strip_prefix(',')?.trim_start();
        }
    }
}

impl FromRequest for Conditions {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(tags(request, &IF_MATCH, "If-Match").and_then(|matches| {
            let none_matches = tags(request, &IF_NONE_MATCH, "If-None-Match")?;
            Ok(Self { matches, none_matches })
        }))
    }
}

fn tags(request: &HttpRequest, name: &HeaderName, shown: &'static str) -> Result<Option<Tags>, Problem> {
    let malformed = || Problem::new(Code::BadRequest, "Send `*`, or ETags in their quotes.").parameter(shown);
    let values: Vec<_> = request
        .headers()
        .get_all(name)
        .map(|value| value.to_str())
        .collect::<Result<_, _>>()
        .map_err(|_| malformed())?;
    if values.is_empty() {
        return Ok(None);
    }
    Tags::read(&values.join(", ")).map(Some).ok_or_else(malformed)
}

/// What a change is answered whose conditions do not hold.
pub(super) fn failed() -> Problem {
    Problem::new(Code::PreconditionFailed, "It is not in the version that was named. Read it again.")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn conditions(headers: &[(&'static str, &str)]) -> Result<Conditions, Code> {
        let mut request = TestRequest::default();
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        let (request, mut payload) = request.to_http_parts();
        Conditions::from_request(&request, &mut payload).into_inner().map_err(|problem| problem.code())
    }

    /// Headers, the tag there is, and whether the conditions hold.
    type Case = (&'static [(&'static str, &'static str)], Option<&'static str>, bool);

    #[test]
    fn a_change_is_made_over_the_version_it_names() {
        let now = Some("\"7\"");
        let cases: [Case; 13] = [
            (&[], now, true),
            (&[], None, true),
            (&[("if-match", "\"7\"")], now, true),
            (&[("if-match", "\"6\" , \"7\"")], now, true),
            (&[("if-match", "\"6\""), ("if-match", "\"7\"")], now, true),
            (&[("if-match", "\"6\"")], now, false),
            (&[("if-match", "\"7\"")], None, false),
            (&[("if-match", "W/\"7\"")], now, false),
            (&[("if-match", "*")], now, true),
            (&[("if-match", "*")], None, false),
            (&[("if-none-match", "*")], now, false),
            (&[("if-none-match", "*")], None, true),
            (&[("if-none-match", "\"7\"")], now, false),
        ];
        for (headers, tag, holds) in cases {
            assert_eq!(conditions(headers).unwrap().hold(tag), holds, "{headers:?} {tag:?}");
        }
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        for (value, known) in
            [("\"7\"", true), ("W/\"7\"", true), ("\"6\", W/\"7\"", true), ("*", true), ("\"6\"", false)]
        {
            assert_eq!(conditions(&[("if-none-match", value)]).unwrap().known("\"7\""), known, "{value}");
        }
        assert!(!conditions(&[]).unwrap().known("\"7\""));
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for value in ["", "7", "\"7", "\"7\" \"8\"", "\"7\",", "*, \"7\"", "W/7", "\"a b\"", "w/\"7\""] {
            assert_eq!(conditions(&[("if-match", value)]).err(), Some(Code::BadRequest), "{value}");
        }
    }
}
