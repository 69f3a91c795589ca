//! Texts of a manifest with placeholders: `{shop_url}/api`.
//!
//! A placeholder names a parameter of the connection or a word of the request it stands in. `{{` writes a brace. Which
//! names are known is checked when the manifest is read, so that a misspelt one never reaches a vendor.

use serde_json::{Map, Value};

/// What placeholders and filters may use, by name.
pub(super) type Variables = Map<String, Value>;

/// A text with placeholders.
pub(super) struct Template(Vec<Piece>);

enum Piece {
    Text(String),
    Name(String),
}

impl Template {
    /// Reads a text whose placeholders are among `known`.
    ///
    /// # Errors
    /// In words for the author of the manifest.
    pub(super) fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
                continue;
            }
            let inside = from.get(1..).unwrap_or_default();
            let Some((name, after)) = inside.split_once('}') else {
                return Err(format!("`{text}` opens a placeholder and does not close it; write `{{{{` for a brace"));
            };
            if !known.contains(&name) {
                return Err(format!("`{{{name}}}` stands for nothing here; known are {}", known.join(", ")));
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Name(name.to_owned()));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The text with every placeholder filled; none if one of them has no value.
    pub(super) fn fill(&self, variables: &Variables) -> Option<String> {
        self.fill_with(variables, |value| value)
    }

    /// Once for each value where it is one placeholder that stands for a list; else the text, if every placeholder has a value.
    pub(super) fn fill_each(&self, variables: &Variables) -> impl Iterator<Item = String> {
        let list = match self.0.as_slice() {
            [Piece::Name(name)] => variables.get(name).and_then(Value::as_array),
            _ => None,
        };
        let whole = if list.is_none() { self.fill(variables) } else { None };
        list.into_iter().flatten().filter_map(text_of).chain(whole)
    }

    /// The same with each value percent-encoded as one segment of a path.
    pub(super) fn fill_path(&self, variables: &Variables) -> Option<String> {
        self.fill_with(variables, |value| segment(&value))
    }

    /// The names of its placeholders.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| if let Piece::Name(name) = piece { Some(name.as_str()) } else { None })
    }

    fn fill_with(&self, variables: &Variables, form: impl Fn(String) -> String) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => filled.push_str(&form(text_of(variables.get(name)?)?)),
            }
        }
        Some(filled)
    }
}

/// A value as it stands in an address or header; none for what says nothing.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// Percent-encoded, so that a value can never leave its segment.
fn segment(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    if value.bytes().all(|byte| byte == b'.') {
        return value.bytes().map(|_| "%2E").collect();
    }
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variables(value: Value) -> Variables {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn placeholders_are_filled() {
        let known = ["shop", "page"];
        let template = Template::parse("{shop}/x?{{p={page}", &known).unwrap();
        assert_eq!(template.fill(&variables(json!({"shop": "a", "page": 3}))).as_deref(), Some("a/x?{p=3"));
        assert_eq!(template.fill(&variables(json!({"shop": "a"}))), None);
        assert_eq!(template.fill(&variables(json!({"shop": "a", "page": null}))), None);
        assert_eq!(template.names().collect::<Vec<_>>(), ["shop", "page"]);
        assert_eq!(Template::parse("", &known).unwrap().fill(&Variables::new()).as_deref(), Some(""));
    }

    #[test]
    fn a_list_is_as_many_texts() {
        let filled = |text: &str, value: Value| {
            let template = Template::parse(text, &["id"]).unwrap();
            template.fill_each(&variables(json!({"id": value}))).collect::<Vec<_>>()
        };
        assert_eq!(filled("{id}", json!(["a", 3, null])), ["a", "3"]);
        assert_eq!(filled("{id}", json!("a")), ["a"]);
        assert_eq!(filled("{id}", json!([])), Vec::<String>::new());
        assert_eq!(filled("{id}", json!(null)), Vec::<String>::new());
        // Within a text a list says nothing.
        assert_eq!(filled("x{id}", json!(["a"])), Vec::<String>::new());
    }

    #[test]
    fn what_is_misspelt_is_named_with_what_is_known() {
        let error = Template::parse("{shopp}", &["shop"]).err().unwrap();
        assert!(error.contains("`{shopp}`") && error.contains("known are shop"), "{error}");
        assert!(Template::parse("{shop", &["shop"]).err().unwrap().contains("does not close"));
    }

    #[test]
    fn a_value_never_leaves_its_segment() {
        let template = Template::parse("/customer/{id}", &["id"]).unwrap();
        for (id, path) in
            [("a/../b", "/customer/a%2F..%2Fb"), ("..", "/customer/%2E%2E"), ("ä?", "/customer/%C3%A4%3F")]
        {
            assert_eq!(template.fill_path(&variables(json!({"id": id}))).as_deref(), Some(path));
        }
    }
}
