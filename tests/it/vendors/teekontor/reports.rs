//! Reports of the shop: a file of customers that is made when it is asked for, packed, and lies at an address that is a key by
//! itself; and a list of ids.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::super::{Answer, Call};

/// The reports that were asked for.
pub struct Reports {
    /// Since when each was asked for, by its number.
    pub made: Vec<String>,
    /// Looks until a report is ready.
    pub takes: u32,
    /// Does it fail at the next ones?
    pub fails: bool,
    /// Has it forgotten all it made?
    pub forgot: bool,
    /// Are files written in this form: `csv`, `tsv`, `jsonl`, or `german` (semicolons and Latin-1)?
    pub form: &'static str,
    /// Does a file want to be asked for as every call is?
    pub guarded: bool,
    /// Where it says that its files lie, if not at home.
    pub elsewhere: Option<&'static str>,
    /// A line that stands in the middle of each file.
    pub broken_line: Option<&'static str>,
    /// Looks at each, or that it failed.
    looks: Vec<Option<u32>>,
    signed: u32,
}

impl Default for Reports {
    fn default() -> Self {
        Self {
            made: Vec::new(),
            takes: 2,
            fails: false,
            forgot: false,
            form: "csv",
            guarded: false,
            elsewhere: None,
            broken_line: None,
            looks: Vec::new(),
            signed: 0,
        }
    }
}

impl Reports {
    /// `POST /v2/reports`
    pub(super) fn make(&mut self, call: &Call) -> Answer {
        let since = call.body.get("changed_since").or(call.body.get("from"));
        let since = since.and_then(Value::as_str).unwrap_or_default().to_owned();
        self.made.push(since);
        self.looks.push(Some(0));
        Answer::new(202, json!({"report": self.made.len()}))
    }

    /// `GET /v2/reports/{number}`
    pub(super) fn show(&mut self, path: &str) -> Answer {
        let number = path.rsplit('/').next().and_then(|number| number.parse::<usize>().ok());
        let known = number.and_then(|number| self.looks.get_mut(number - 1)).filter(|_| !self.forgot);
        let Some(looks) = known else { return Answer::new(404, json!({"error": "unknown"})) };
        *looks = looks.filter(|_| !self.fails).map(|looks| looks + 1);
        let state = match looks {
            None => "failed",
            Some(looks) if *looks > self.takes => "done",
            Some(_) => "working",
        };
        Answer::new(200, json!({"state": state, "document": format!("d{}", number.unwrap())}))
    }

    /// `GET /v2/documents/{id}`: an address that is good for a while.
    pub(super) fn document(&mut self, path: &str) -> Answer {
        self.signed += 1;
        let id = path.rsplit('/').next().unwrap();
        let host = self.elsewhere.unwrap_or_default();
        Answer::new(200, json!({"url": format!("{host}/files/{id}?signature={}", self.signed)}))
    }

    /// `GET /files/{id}`: nobody's credentials belong here, unless it is guarded.
    pub(super) fn file(&self, call: &Call, customers: &[Value], known: bool) -> Answer {
        if self.guarded && !known {
            return Answer::new(401, json!({"error": "token"}));
        }
        if call.headers.contains_key("authorization") != self.guarded
            || call.number("signature") != Some(self.signed.into())
        {
            return Answer::new(403, json!({"error": "signature"}));
        }
        let number: usize = call.path.rsplit('d').next().unwrap().parse().unwrap();
        let since = &self.made[number - 1];
        let changed = customers.iter().filter(|one| one["changed"].as_str().unwrap() >= since.as_str());
        let mut lines: Vec<String> = changed.map(|one| self.line(one)).collect();
        if let Some(line) = self.broken_line {
            lines.insert(lines.len() / 2, line.to_owned());
        }
        let head = match self.form {
            "jsonl" => None,
            "tsv" => Some("id\tmail\tchanged\tnote".to_owned()),
            "german" => Some("id;mail;changed;note".to_owned()),
            _ => Some("id,mail,changed,note".to_owned()),
        };
        let text: Vec<String> = head.into_iter().chain(lines).collect();
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        let text = text.join("\r\n");
        let latin = || text.chars().map(|one| u8::try_from(u32::from(one)).unwrap()).collect();
        let bytes = if self.form == "german" { latin() } else { text.clone().into_bytes() };
        packed.write_all(&bytes).unwrap();
        let mut answer = Answer::new(200, Value::Null);
        answer.bytes = packed.finish().unwrap();
        answer
    }

    fn line(&self, one: &Value) -> String {
        let (id, mail, changed) = (&one["id"], one["mail"].as_str().unwrap(), one["changed"].as_str().unwrap());
        match self.form {
            "jsonl" => json!({"id": id, "mail": mail, "changed": changed, "note": "\"gern\",\nbald"}).to_string(),
            "tsv" => format!("{id}\t{mail}\t{changed}\t\"gern, bald"),
            "german" => format!("{id};{mail};{changed};\"für; immer\""),
            _ => format!("{id},{mail},{changed},\"\"\"gern\"\",\nbald\""),
        }
    }
}
