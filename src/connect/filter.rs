//! jq filters, compiled once and run many times.
//!
//! A filter is `Send + Sync`: jaq keeps the program in plain vectors and function pointers, and its values count their
//! references atomically. Filters see nothing but their input.

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars};
use jaq_json::Val;

use super::Error;
use super::library::Library;

/// A compiled filter.
pub(super) struct Filter {
    code: Box<str>,
    compiled: jaq_core::Filter<JustLut<Val>>,
}

impl Filter {
    /// Compiles `code`, which stands in `file` under the key `name`.
    ///
    /// # Errors
    /// If it does not parse, or uses a filter or variable that does not exist; the error names the place.
    pub(super) fn compile(code: &str, file: &str, name: &str) -> Result<Self, Error> {
        Self::compile_with(code, file, name, &[])
    }

    /// The same for a filter that makes records, which also sees [`Origin::parameters`](super::Origin).
    pub(super) fn of_records(code: &str, file: &str, name: &str) -> Result<Self, Error> {
        Self::compile_with(code, file, name, &["$parameters"])
    }

    fn compile_with(code: &str, file: &str, name: &str, variables: &[&'static str]) -> Result<Self, Error> {
        let library = Library::of(code);
        let arena = Arena::default();
        let fail = |at: &str, message: String| {
            let (line, column) = position(code, at);
            Error::Filter { file: file.to_owned(), filter: name.to_owned(), line, column, message }
        };
        let modules = Loader::new(library.defs).load(&arena, File { code, path: () }).map_err(|errors| {
            first_load_error(errors).map_or_else(|| fail("", "does not parse".into()), |(at, text)| fail(at, text))
        })?;
        let compiled = Compiler::default().with_funs(library.funs).with_global_vars(variables.iter().copied());
        let compiled = compiled.compile(modules).map_err(|errors| {
            let undefined = errors.into_iter().flat_map(|(_, list)| list).next();
            undefined.map_or_else(
                || fail("", "does not compile".into()),
                |(at, what)| fail(at, format!("there is no {} `{at}`", what.as_str())),
            )
        })?;
        Ok(Self { code: code.into(), compiled })
    }

    /// As it is written.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// Runs the filter. Results come one by one; an error ends them.
    pub(super) fn run(&self, input: Val) -> impl Iterator<Item = Result<Val, String>> + '_ {
        self.run_with(input, None)
    }

    /// The same for one that was compiled by [`Filter::of_records`], which sees `parameters`.
    pub(super) fn run_with(
        &self,
        input: Val,
        parameters: Option<Val>,
    ) -> impl Iterator<Item = Result<Val, String>> + '_ {
        let ctx = Ctx::<JustLut<Val>>::new(&self.compiled.lut, Vars::new(parameters));
        let mut results = self.compiled.id.run((ctx, input));
        let mut ended = false;
        std::iter::from_fn(move || {
            let result = if ended { None } else { results.next() }?;
            Some(result.map_err(|exception| {
                ended = true;
                exception
                    .get_err()
                    .map_or_else(|_| "the filter stopped".to_owned(), |error| self.explain(error.into_val()))
            }))
        })
    }

    /// Is the first result `true`? An error is a no.
    pub(super) fn holds(&self, input: Val) -> bool {
        matches!(self.run(input).next(), Some(Ok(Val::Bool(true))))
    }

    /// The same, where an error is no no: none, then.
    pub(super) fn judges(&self, input: Val) -> Option<bool> {
        match self.run(input).next() {
            Some(Err(_)) => None,
            first => Some(matches!(first, Some(Ok(Val::Bool(true))))),
        }
    }

    /// Turns jaq's message, which quotes the data, into one that does not. A message that stands in the filter as a
    /// literal was written by the manifest's author and is passed on.
    fn explain(&self, thrown: Val) -> String {
        const KINDS: &[(&str, &str, &str)] = &[
            ("cannot use ", " as string", "the filter expected a text and found something else"),
            ("cannot use ", " as number", "the filter expected a number and found something else"),
            ("cannot use ", " as integer", "the filter expected a whole number and found something else"),
            ("cannot use ", " as array", "the filter expected a list and found something else"),
            ("cannot use ", " as iterable (array or object)", "the filter expected a list and found something else"),
            ("cannot index ", "", "the filter expected an object or list and found something else"),
            ("cannot calculate ", "", "the filter cannot calculate with the kinds of values it found"),
            ("cannot parse ", " as number", "the filter expected a number and found something else"),
        ];
        let message = match &thrown {
            Val::TStr(text) => std::str::from_utf8(text).unwrap_or_default(),
            _ => "",
        };
        if self.code.contains(&format!("\"{message}\"")) {
            return message.to_owned();
        }
        let kind = KINDS.iter().find(|(start, end, _)| message.starts_with(start) && message.ends_with(end));
        kind.map_or("the filter failed on this object", |(_, _, text)| text).to_owned()
    }
}

fn first_load_error(errors: load::Errors<&str, ()>) -> Option<(&str, String)> {
    let (_, error) = errors.into_iter().next()?;
    match error {
        load::Error::Io(list) => {
            list.into_iter().next().map(|(at, _)| (at, "a filter cannot include other files".into()))
        }
        load::Error::Lex(list) => {
            list.into_iter().next().map(|(expected, at)| (at, format!("expected {}", expected.as_str())))
        }
        load::Error::Parse(list) => {
            list.into_iter().next().map(|(expected, at)| (at, format!("expected {}", expected.as_str())))
        }
    }
}

/// Line and column, both from 1, of `part` inside `whole`.
fn position(whole: &str, part: &str) -> (usize, usize) {
    let offset = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize).filter(|offset| *offset <= whole.len());
    let before = offset.and_then(|offset| whole.get(..offset)).unwrap_or_default();
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_impl_all!(Filter: Send, Sync);

    fn outputs(code: &str, input: &str) -> Vec<Result<String, String>> {
        let filter = Filter::compile(code, "test.yaml", "records").unwrap();
        let input = jaq_json::read::parse_single(input.as_bytes()).unwrap();
        filter.run(input).map(|result| result.map(|value| value.to_string())).collect()
    }

    #[test]
    fn what_reaches_outside_its_input_does_not_exist() {
        for code in [
            "env",
            "now",
            ". | debug",
            "stderr",
            "halt",
            "halt_error",
            "localtime",
            "input",
            "$ENV",
            "import \"x\" as x; .",
        ] {
            assert!(Filter::compile(code, "test.yaml", "records").is_err(), "{code} must not compile");
        }
    }

    #[test]
    fn a_compile_error_names_line_and_column() {
        let error = Filter::compile(".a\n| nosuch(1)", "test.yaml", "streams.x.records").err().unwrap();
        assert_eq!(
            error.to_string(),
            "test.yaml, filter `streams.x.records`, line 2 of the filter, column 3: there is no filter `nosuch`"
        );
        let error = Filter::compile(".a |\n  }", "test.yaml", "streams.x.records").err().unwrap();
        assert!(error.to_string().contains("line 2 of the filter"), "{error}");
    }

    #[test]
    fn an_error_never_quotes_the_data() {
        for code in [".mail.x", ".mail + 1", ".mail | error", ".mail | fromjson", ".mail | tonumber"] {
            let Ok(filter) = Filter::compile(code, "test.yaml", "records") else { continue };
            let input = jaq_json::read::parse_single(br#"{"mail":"secret@example.org"}"#).unwrap();
            for error in filter.run(input).filter_map(Result::err) {
                assert!(!error.contains("secret"), "{code}: {error}");
            }
        }
    }

    #[test]
    fn the_authors_own_message_is_passed_on() {
        assert_eq!(outputs(r#"error("the order has no number")"#, "{}"), [Err("the order has no number".to_owned())]);
    }

    #[test]
    fn the_prelude_reads_what_vendors_write() {
        assert_eq!(
            outputs("instant", r#""2026-03-07T13:37:00+0000""#),
            [Ok(r#""2026-03-07T13:37:00+00:00""#.to_owned())]
        );
        assert_eq!(
            outputs("instant", r#""2026-03-07T13:37:00.000+01:00""#),
            [Ok(r#""2026-03-07T13:37:00.000+01:00""#.to_owned())]
        );
        assert_eq!(outputs("day", r#""1985-04-12T00:00:00.000+00:00""#), [Ok(r#""1985-04-12""#.to_owned())]);
        assert_eq!(
            outputs("instant, day, text", "null"),
            [Ok("null".to_owned()), Ok("null".to_owned()), Ok("null".to_owned())]
        );
        assert_eq!(outputs("text", "10023"), [Ok(r#""10023""#.to_owned())]);
        assert_eq!(outputs("list", "null"), [Ok("[]".to_owned())]);
    }
}
