//! The configuration file. `tls.cert`, `tls-cert` and a `[tls]` table with `cert` are the same setting.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Error;
use super::layer::{Layer, Unfit};

/// The file that is named, or `obhut.toml` in the data directory if it is there.
pub(super) fn find(above: &Layer) -> Result<Option<Layer>, Error> {
    let named = above.home.config.clone();
    let must = named.is_some();
    let path = named.unwrap_or_else(|| data_dir(above.home.data_dir.as_deref()).join("obhut.toml"));
    match std::fs::read_to_string(&path) {
        Ok(text) => read(&path, &text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound && !must => Ok(None),
        Err(error) => Err(Error::Read(path, error)),
    }
}

/// The data directory, or the default.
pub(super) fn data_dir(given: Option<&Path>) -> PathBuf {
    given.unwrap_or_else(|| Path::new("./obhut-data")).to_owned()
}

/// Reads the text of a file.
pub(super) fn read(path: &Path, text: &str) -> Result<Layer, Error> {
    let wrong = |at: usize, reason: String| Error::File { file: path.to_owned(), line: line(text, at), reason };
    // The parser's own message is about syntax; it quotes no value.
    let table = DeTable::parse(text).map_err(|error| {
        wrong(error.span().map_or(0, |span| span.start), format!("not valid TOML: {}", error.message()))
    })?;
    let mut settings = Vec::new();
    flatten(table.get_ref(), "", &mut settings);
    let mut layer = Layer::default();
    for Setting { name, at, value } in settings {
        let shown = name.replace('-', "_");
        let value = value.ok_or_else(|| wrong(at, format!("{shown} has the wrong type")))?;
        let one = if name == "config" { Err(Unfit::Unknown) } else { Layer::one(&name, &value) };
        let one = one.map_err(|unfit| match unfit {
            Unfit::Unknown => wrong(at, format!("there is no setting {shown}; `obhut serve --help` lists them")),
            Unfit::Value => wrong(at, format!("the value of {shown} does not have the right form")),
        })?;
        layer = one.over(layer);
    }
    Ok(layer)
}

/// One setting as the file has it: its name as a flag, its place, its value as text if it has such a form.
struct Setting {
    name: String,
    at: usize,
    value: Option<String>,
}

fn flatten(table: &DeTable<'_>, prefix: &str, into: &mut Vec<Setting>) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref().replace('_', "-"));
        if let DeValue::Table(inner) = value.get_ref() {
            flatten(inner, &format!("{name}-"), into);
        } else {
            into.push(Setting { name, at: key.span().start, value: text(value) });
        }
    }
}

fn text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Array(values) => values.iter().map(text).collect::<Option<Vec<_>>>().map(|parts| parts.join(",")),
        _ => None,
    }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
