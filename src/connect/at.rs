//! [`At`]: where in a manifest something stands, so that an error names it in its own place.

use url::Url;

use super::Error;
use super::filter::Filter;
use super::guard::HostRule;
use super::manifest::wrong;
use super::template::{Template, Variables};

/// A part of a file: a stream, a step, or all of it.
#[derive(Clone, Copy)]
pub(super) struct At<'t> {
    /// The file's name in errors.
    pub(super) file: &'t str,
    text: &'t str,
    /// A stretch of the text.
    part: &'t str,
    /// What placeholders may name in every request, and the hosts that may be called.
    connection: Option<(&'t [&'t str], &'t [String])>,
}

impl<'t> At<'t> {
    /// A whole file.
    pub(super) const fn of(file: &'t str, text: &'t str) -> Self {
        Self { file, text, part: text, connection: None }
    }

    /// The same, where it is known how the vendor is reached.
    pub(super) const fn reached<'s>(self, names: &'s [&'s str], hosts: &'s [String]) -> At<'s>
    where
        't: 's,
    {
        At { file: self.file, text: self.text, part: self.part, connection: Some((names, hosts)) }
    }

    /// Does every request know this name?
    pub(super) fn is_of_connection(self, name: &str) -> bool {
        self.connection.is_some_and(|(names, _)| names.contains(&name))
    }

    /// An address a path starts at, in the place of the connection's: it names the connection and nobody, and one that is written as it
    /// is lies at a host that may be called.
    pub(super) fn base(self, text: &str) -> Result<Template, Error> {
        let (names, hosts) = self.connection.unwrap_or_default();
        let template = self.template(text, names)?;
        if template.names().next().is_some() {
            return Ok(template);
        }
        let url = template.fill(&Variables::new()).and_then(|text| Url::parse(&text).ok()).filter(Url::has_host);
        let Some(url) = url else { return Err(self.wrong(text, "write an address: https://api.vendor.example/v1")) };
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let known = hosts.iter().filter(|known| !known.starts_with('{'));
        if known.map(|known| HostRule::parse(known)).any(|rule| rule.allows(&host)) {
            return Ok(template);
        }
        Err(self.wrong(text, format!("`{host}` is not among `hosts`, so it may not be called; add it there")))
    }

    /// What is written under these keys, one in the other; an entry of a list is found by its `name`. What is written in another way
    /// than in lines of its own is not told from what stands around it.
    pub(super) fn within(self, keys: &[&str]) -> Self {
        keys.iter().fold(self, |at, key| Self { part: below(at.part, key).unwrap_or(at.part), ..at })
    }

    /// An error about what is written as `key`: in this part if it stands there, else wherever it stands first.
    pub(super) fn wrong(self, key: &str, message: impl Into<String>) -> Error {
        let begin = self.offset();
        let here = lines(self.part).find_map(|(at, line)| Some(at + uncommented(line).find(key)?));
        match here {
            Some(found) => self.error(begin + found, message.into()),
            None => wrong(self.file, self.text, key, message.into()),
        }
    }

    /// The text of the whole file.
    pub(super) const fn text(self) -> &'t str {
        self.text
    }

    /// The line this part begins on, from 1.
    pub(super) fn line(self) -> usize {
        self.text.get(..self.offset()).unwrap_or_default().matches('\n').count() + 1
    }

    pub(super) fn template(self, text: &str, known: &[&str]) -> Result<Template, Error> {
        Template::parse(text, known).map_err(|message| self.wrong(text, message))
    }

    /// A filter that is written here.
    pub(super) fn filter(self, code: &str, name: &str) -> Result<Filter, Error> {
        Filter::compile(code, self.file, name).map_err(|error| self.placed(error, code))
    }

    /// The same for one that makes records.
    pub(super) fn filter_of_records(self, code: &str, name: &str) -> Result<Filter, Error> {
        Filter::of_records(code, self.file, name).map_err(|error| self.placed(error, code))
    }

    /// An error of a filter, with the line of the file in the place of that of the filter, where it is written as it is read.
    fn placed(self, error: Error, code: &str) -> Error {
        let Error::Filter { filter, line, column, message, .. } = &error else { return error };
        let first = code.lines().next().map(str::trim).filter(|first| !first.is_empty());
        let Some(begin) = first.and_then(|first| self.part.find(first)) else { return error };
        let begin = self.offset() + begin;
        let above = line.saturating_sub(1);
        let message = format!("in the filter `{filter}`: {message}");
        if above == 0 {
            return self.error(begin + column.saturating_sub(1), message);
        }
        let rest = self.text.get(begin..).unwrap_or_default();
        let Some((at, line)) = lines(rest).nth(above) else { return error };
        let indent = line.len() - line.trim_start().len();
        let own = code.lines().nth(above).map_or(0, |line| line.len() - line.trim_start().len());
        self.error(begin + at + indent.saturating_sub(own) + column.saturating_sub(1), message)
    }

    fn offset(self) -> usize {
        (self.part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    fn error(self, at: usize, message: String) -> Error {
        let before = self.text.get(..at.min(self.text.len())).unwrap_or_default();
        let (line, begin) = (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |end| end + 1));
        Error::Manifest { file: self.file.to_owned(), line, column: at - begin + 1, message }
    }
}

/// Lines with where they begin.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let begin = *at;
        *at += line.len();
        Some((begin, line))
    })
}

/// A comment speaks of a key and is none.
fn uncommented(line: &str) -> &str {
    if line.trim_start().starts_with('#') { "" } else { line }
}

/// The stretch of `text` that is written under `key`, with the line of the key: the one that is least indented.
fn below<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let names = |line: &str| {
        let content = line.trim();
        let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']) == key;
        match content.strip_prefix("- name:") {
            Some(name) => unquoted(name),
            None => content.split_once(':').is_some_and(|(name, _)| unquoted(name)),
        }
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (begin, first) = lines(text).filter(|(_, line)| names(line)).min_by_key(|(at, line)| (indent(line), *at))?;
    let after = begin + first.len();
    let blank = |line: &str| line.trim().is_empty() || uncommented(line).is_empty();
    let rest = text.get(after..)?;
    let end = lines(rest).find(|(_, line)| !blank(line) && indent(line) <= indent(first));
    text.get(begin..end.map_or(text.len(), |(at, _)| after + at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "connection:\n  test: {}\nstreams:\n  customers:\n    pull:\n      paging: {size: 1}\n  # paging: of the other one\n  orders:\n    pull:\n      paging: {size: 2}\n    objects: |\n      .a\n      | nosuch\nerase:\n  steps:\n    - name: customers\n      by: email\n    - name: \"orders\"\n      by: account\n";

    fn place(error: Error) -> String {
        error.to_string().split(": ").next().unwrap().to_owned()
    }

    #[test]
    fn an_error_names_its_own_place_and_not_the_first_that_looks_like_it() {
        let at = At::of("m.yaml", TEXT);
        assert_eq!(place(at.wrong("paging:", "x")), "m.yaml:6:7");
        assert_eq!(place(at.within(&["streams", "orders"]).wrong("paging:", "x")), "m.yaml:10:7");
        assert_eq!(place(at.within(&["erase", "orders"]).wrong("by:", "x")), "m.yaml:19:7");
        assert_eq!(at.within(&["erase", "orders"]).line(), 18);
        // What is not there stands wherever it stands first, and what stands nowhere has no place.
        assert_eq!(place(at.within(&["erase"]).wrong("test:", "x")), "m.yaml:2:3");
        assert_eq!(place(at.within(&["nothing"]).wrong("nothing:", "x")), "m.yaml:0:0");
    }

    #[test]
    fn a_filter_that_is_written_in_the_manifest_is_wrong_in_a_line_of_it() {
        let at = At::of("m.yaml", TEXT).within(&["streams", "orders"]);
        let error = at.filter(".a\n| nosuch\n", "streams.orders.objects").err().unwrap().to_string();
        assert_eq!(error, "m.yaml:13:9: in the filter `streams.orders.objects`: there is no filter `nosuch`");
        // One that is written in another way keeps its own lines.
        let error = at.filter("nosuch", "x").err().unwrap().to_string();
        assert_eq!(error, "m.yaml:13:9: in the filter `x`: there is no filter `nosuch`");
        assert!(at.filter("elsewhere", "x").err().unwrap().to_string().contains("line 1 of the filter"));
    }
}
