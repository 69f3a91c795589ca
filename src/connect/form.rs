//! A form as filters see it.

use serde_json::{Map, Value};

/// How deep brackets are followed.
const DEEPEST: usize = 8;

/// Reads a form (`application/x-www-form-urlencoded`) into an object of texts: `data[merges][FNAME]=…` is `.data.merges.FNAME`, and of a
/// name that stands there twice the last one counts. None if nothing in it has a name.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let mut all = Map::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        let mut parts = parts(&name);
        let Some(last) = parts.pop().filter(|last| !last.is_empty()) else { continue };
        let mut place = &mut all;
        for part in parts {
            let inner = place.entry(part).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            let Value::Object(inner) = inner else { return None };
            place = inner;
        }
        place.insert(last, Value::String(value.into_owned()));
    }
    (!all.is_empty()).then_some(Value::Object(all))
}

/// `data[merges][FNAME]` in its parts; a name whose brackets do not close is one part.
fn parts(name: &str) -> Vec<String> {
    let whole = || vec![name.to_owned()];
    let Some((first, rest)) = name.split_once('[') else { return whole() };
    let Some(rest) = rest.strip_suffix(']').filter(|_| !first.is_empty()) else { return whole() };
    let mut parts = vec![first.to_owned()];
    parts.extend(rest.split("][").map(str::to_owned));
    if parts.len() > DEEPEST { whole() } else { parts }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn brackets_are_objects_in_objects() {
        let form = b"type=unsubscribe&fired_at=2026-03-07+13%3A40%3A01&data%5Bemail%5D=a%40example.org&data[merges][FNAME]=Anna";
        let read = read(form).unwrap();
        let wanted = json!({
            "type": "unsubscribe", "fired_at": "2026-03-07 13:40:01",
            "data": {"email": "a@example.org", "merges": {"FNAME": "Anna"}},
        });
        assert_eq!(read, wanted);
    }

    #[test]
    fn what_is_no_such_name_is_a_name_as_it_stands() {
        assert_eq!(read(b"a[b=1&[c]=2"), Some(json!({"a[b": "1", "[c]": "2"})));
        assert_eq!(read(b"a=1&a[b]=2"), Some(json!({"a": {"b": "2"}})));
        let deep = format!("a{}=1", "[b]".repeat(9));
        assert_eq!(read(deep.as_bytes()), Some(json!({deep.trim_end_matches("=1"): "1"})));
        assert_eq!(read(b""), None);
        assert_eq!(read(b"=1&&"), None);
    }
}
