//! [`Scalars`]: the properties of an event, laid flat: `products.0.sku`.

use serde_json::{Map, Value};

/// Names an event may have; the last is kept for the count of what was left out.
const MAX: usize = 63;
/// Characters of a name.
const MAX_NAME: usize = 64;
/// Characters of a text.
const MAX_TEXT: usize = 2_048;
/// Says how many properties did not fit, so that nobody takes the rest for all.
const OMITTED: &str = "obhut_omitted";

/// Single values under names.
#[derive(Default)]
pub(super) struct Scalars {
    fields: Map<String, Value>,
    omitted: u32,
}

impl Scalars {
    /// Adds a value; of an object or list each single value under its own way.
    pub(super) fn add(&mut self, name: &str, value: Value) {
        match value {
            Value::Null => {}
            Value::Object(fields) => fields.into_iter().for_each(|(field, value)| self.add(&way(name, &field), value)),
            Value::Array(list) => {
                list.into_iter().enumerate().for_each(|(at, value)| self.add(&way(name, &at.to_string()), value));
            }
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => self.put(name, cleaned(&text, MAX_TEXT)),
            single => self.put(name, Some(single)),
        }
    }

    fn put(&mut self, name: &str, value: Option<Value>) {
        let name = name.trim();
        let fits = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        match value {
            Some(value) if fits && self.fields.len() < MAX && !self.fields.contains_key(name) => {
                self.fields.insert(name.to_owned(), value);
            }
            _ => self.omitted += 1,
        }
    }

    /// As one object; none if there is nothing in it.
    pub(super) fn object(mut self) -> Option<Value> {
        if self.omitted > 0 {
            self.fields.insert(OMITTED.to_owned(), self.omitted.into());
        }
        Some(self.fields).filter(|fields| !fields.is_empty()).map(Value::Object)
    }
}

fn way(name: &str, field: &str) -> String {
    if name.is_empty() { field.to_owned() } else { format!("{name}.{field}") }
}

/// A text without control characters; none if it is longer than `max` characters.
pub(super) fn cleaned(text: &str, max: usize) -> Option<Value> {
    let text = text.trim();
    let fits = text.len() <= max || text.chars().count() <= max;
    let plain = |c: char| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c };
    let cleaned =
        || if text.chars().any(char::is_control) { text.chars().map(plain).collect() } else { text.to_owned() };
    (fits && !text.is_empty()).then(|| Value::String(cleaned().trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn laid(value: Value) -> Value {
        let mut scalars = Scalars::default();
        scalars.add("", value);
        scalars.object().unwrap_or_default()
    }

    #[test]
    fn objects_and_lists_are_laid_flat() {
        let properties = json!({"total": 19.9, "empty": "", "none": null, "products": [{"sku": "A", "n": 2}, "x"]});
        assert_eq!(
            laid(properties),
            json!({"total": 19.9, "products.0.sku": "A", "products.0.n": 2, "products.1": "x"})
        );
        assert_eq!(laid(json!({})), Value::Null);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let many: Map<String, Value> = (0..100).map(|at| (format!("p{at}"), at.into())).collect();
        let laid_many = laid(Value::Object(many));
        assert_eq!((laid_many.as_object().unwrap().len(), &laid_many["obhut_omitted"]), (64, &json!(37)));
        let long = laid(json!({"a": "x".repeat(2_049), "y".repeat(65): 1, "b": "a\u{0}b\u{7}"}));
        assert_eq!(long, json!({"b": "a b", "obhut_omitted": 2}));
        assert_eq!(laid(json!({"a.b": 1, "a": {"b": 2}})), json!({"a.b": 1, "obhut_omitted": 1}));
    }
}
