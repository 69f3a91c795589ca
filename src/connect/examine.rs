//! Running a connector over its own fixtures, for its author: what its filters yield and the manifest does not list, and what of
//! them intake would not take.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use serde_json::Value;

use super::{Connector, FileError, Form, MappingError, Reason, Stream};

impl Connector {
    /// Maps every fixture. Answers what is wrong, each once, with file and line of the manifest where there is one; `take` says why a
    /// record would not be taken in, or not as a whole.
    #[must_use]
    pub fn examine(&self, take: &impl Fn(&[u8]) -> Option<String>) -> Vec<String> {
        let mut wrong = BTreeMap::new();
        for (name, content) in self.fixtures() {
            let place = format!("{}/fixtures/{name}", self.name());
            let Some(form) = Form::of(Path::new(name)) else { continue };
            for told in self.examine_one(content, form, &place, take) {
                *wrong.entry(told).or_insert(0_u32) += 1;
            }
        }
        let times = |(told, times): (String, u32)| if times > 1 { format!("{told} ({times} times)") } else { told };
        wrong.into_iter().map(times).collect()
    }

    /// The first that a filter yields of a fixture and the manifest does not list, with file and line of the manifest.
    pub(super) fn unlisted(&self) -> Option<String> {
        let place = self.place();
        self.examine(&|_| None).into_iter().find(|told| told.starts_with(&place))
    }

    /// The manifest, as what is wrong in it is told.
    fn place(&self) -> String {
        format!("{}/manifest.yaml:", self.name())
    }

    fn examine_one(
        &self,
        content: &[u8],
        form: Form,
        place: &str,
        take: &impl Fn(&[u8]) -> Option<String>,
    ) -> Vec<String> {
        let told = |record: Result<Vec<u8>, FileError>, stream: Option<&Stream>| match record {
            Ok(record) => take(&record).map(|why| format!("{place}: {why}")),
            Err(FileError::Object { error: MappingError { reason, .. }, .. }) => {
                Some(self.explain(&reason, stream).unwrap_or_else(|| format!("{place}: {reason}")))
            }
            Err(error) => Some(format!("{place}: {error}")),
        };
        if let (Form::Csv, Some(table)) = (form, self.table())
            && !self.reads_extf()
        {
            return table.read(Cursor::new(content), "fixture").filter_map(|record| told(record, None)).collect();
        }
        let mut all = Vec::new();
        // Of a page it is known which stream it is.
        if let (Form::Json, Ok(page)) = (form, serde_json::from_slice::<Value>(content)) {
            let pages = match page {
                Value::Array(pages) => pages,
                page => vec![page],
            };
            for stream in pages.iter().filter_map(|page| self.stream_for(page)) {
                if !all.iter().any(|known: &&Stream| known.name() == stream.name()) {
                    all.push(stream);
                }
            }
        }
        let only = if let [stream] = all.as_slice() { Some(*stream) } else { None };
        let records = self.read(Cursor::new(content), form, self.example("fixture"));
        records.filter_map(|record| told(record, only)).collect()
    }

    /// What to write in the manifest, where that is what is missing.
    fn explain(&self, reason: &Reason, stream: Option<&Stream>) -> Option<String> {
        let streams = self.streams();
        let stream = stream.or(if let [stream] = streams { Some(stream) } else { None });
        let of = stream.map_or_else(String::new, |stream| format!(" of the stream `{}`", stream.name()));
        let line = stream.map_or(0, |stream| stream.fields_line);
        let place = format!("{}{line}:1", self.place());
        match reason {
            Reason::UndeclaredField(path) => Some(format!(
                "{place}: the filter{of} yields `{path}`, which `fields` does not list; write it under its category, or \
                 leave it out of the filter"
            )),
            Reason::UndeclaredConsent(code) => Some(format!(
                "{place}: the filter{of} yields a consent for `{code}`, which `consents` does not list; write it there, \
                 or leave it out of the filter"
            )),
            _ => None,
        }
    }
}
