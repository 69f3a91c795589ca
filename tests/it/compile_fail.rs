//! The attacks that the compiler refuses, one file each in `tests/compile_fail`; the file's name is the rule.
//!
//! The compiler's answers stand together in one snapshot. If only its words changed, accept them with
//! `INSTA_UPDATE=always tests/run --quick compile_fail`. If an answer is gone, a wall of the house is down.
//!
//! The files are compiled against the very library this program is linked with: a second build of all dependencies, as
//! trybuild makes one, would cost more time than all other tests together.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::databases::files_below;

/// Errors that say that the file is out of date, not that an attack was refused.
const OUT_OF_DATE: [&str; 6] = ["E0405", "E0412", "E0422", "E0425", "E0432", "E0433"];

#[test]
fn every_attack_is_refused_by_the_compiler() {
    let compiler = Compiler::of_this_program();
    let mut answers = String::new();
    for file in attacks() {
        let rule = file.file_stem().unwrap().to_str().unwrap();
        let errors = compiler.errors(&file);
        assert!(!errors.is_empty(), "{} compiles: {}", file.display(), rule.replace('_', " "));
        writeln!(answers, "{}", rule.replace('_', " ")).unwrap();
        for error in errors {
            assert!(
                !OUT_OF_DATE.contains(&error.code.as_str()),
                "{}:{} attacks something that is not there any more: {}",
                file.display(),
                error.line,
                error.message
            );
            writeln!(answers, "    {}\n        {} {}", error.source, error.code, error.message).unwrap();
        }
    }
    insta::assert_snapshot!(answers);
}

#[test]
fn what_is_no_attack_compiles() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lawful.rs");
    let text = "use obhut::{gateway::Gateway, vault::Unlocked};\n\
                fn give(unlocked: Unlocked, gateway: impl Fn(obhut::vault::Opener) -> Gateway) -> Gateway {\n\
                    let _ = serde_json::json!({});\n\
                    gateway(unlocked.opener)\n\
                }\n\
                fn main() {}\n";
    std::fs::write(&file, text).unwrap();
    let errors = Compiler::of_this_program().errors(&file);
    assert!(errors.is_empty(), "the attacks may be refused for the wrong reason: {}", errors[0].message);
}

fn attacks() -> impl Iterator<Item = PathBuf> {
    let files = files_below(Path::new("tests/compile_fail"));
    files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
}

struct CompilerError {
    code: String,
    line: u64,
    /// The line of the attack.
    source: String,
    message: String,
}

/// The compiler with the library and what the attacks use besides.
struct Compiler {
    libraries: BTreeMap<String, PathBuf>,
}

impl Compiler {
    /// Asks cargo what this program was built of. All of it is there already, so nothing is built.
    #[expect(clippy::disallowed_methods, reason = "another program is started in this one's environment")]
    fn of_this_program() -> Self {
        let mut cargo = Command::new(env!("CARGO"));
        // What cargo tells its tests of the package looks to build scripts like another package: they would run again.
        for (name, _) in std::env::vars_os() {
            if ["OUT_DIR", "CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
                .iter()
                .any(|start| name.to_str().is_some_and(|name| name.starts_with(start)))
            {
                cargo.env_remove(name);
            }
        }
        let output = cargo
            .args(["build", "--offline", "--locked", "--quiet", "--test", "it", "--message-format", "json"])
            .output()
            .unwrap();
        assert!(output.status.success(), "cargo build: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let messages = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut libraries = BTreeMap::new();
        for message in messages.filter(|message| message["reason"] == "compiler-artifact") {
            let name = message["target"]["name"].as_str().unwrap().replace('-', "_");
            let is_library = message["target"]["kind"] == serde_json::json!(["lib"]);
            if is_library && ["obhut", "serde_json"].contains(&name.as_str()) {
                let files = message["filenames"].as_array().unwrap().iter().map(|file| file.as_str().unwrap());
                let rlib = files.filter(|file| file.ends_with(".rlib")).map(PathBuf::from).next().unwrap();
                libraries.insert(name, rlib);
            }
        }
        assert_eq!(libraries.len(), 2, "cargo named {libraries:?}");
        Self { libraries }
    }

    fn errors(&self, file: &Path) -> Vec<CompilerError> {
        let directory = tempfile::tempdir().unwrap();
        let mut rustc = Command::new("rustc");
        rustc
            .args(["--edition", "2024", "--crate-type", "bin", "--emit", "metadata", "--error-format", "json"])
            .args(["--cap-lints", "allow", "--out-dir"])
            .arg(directory.path())
            .arg(file);
        for (name, rlib) in &self.libraries {
            let folder = rlib.parent().unwrap();
            rustc.arg("--extern").arg(format!("{name}={}", rlib.display()));
            rustc.arg("-L").arg(format!("dependency={}", folder.join("deps").display()));
            rustc.arg("-L").arg(format!("dependency={}", folder.display()));
        }
        let output = rustc.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let source = std::fs::read_to_string(file).unwrap();
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("rustc says: {line}")))
            .filter(|message| message["level"] == "error" && message["spans"][0].is_object())
            .map(|message| error_of(&message, &source))
            .collect()
    }
}

fn error_of(message: &Value, source: &str) -> CompilerError {
    let span = message["spans"].as_array().unwrap().iter().find(|span| span["is_primary"] == true).unwrap();
    // An error inside a macro of another library points there; where it was called is told beside.
    let mut span = span;
    while span["expansion"].is_object() && !span["file_name"].as_str().unwrap().starts_with("tests/compile_fail") {
        span = &span["expansion"]["span"];
    }
    let line = span["line_start"].as_u64().unwrap();
    CompilerError {
        code: message["code"]["code"].as_str().unwrap_or("error").to_owned(),
        line,
        source: source.lines().nth(usize::try_from(line).unwrap() - 1).unwrap().trim().to_owned(),
        message: without_paths(message["message"].as_str().unwrap().lines().next().unwrap()),
    }
}

/// The message with `Gateway` for `obhut::gateway::Gateway`: which of them the compiler writes depends on whether some
/// other crate has a type of the same name.
fn without_paths(message: &str) -> String {
    let mut parts = message.split("::").peekable();
    let mut short = String::new();
    while let Some(part) = parts.next() {
        let start = part.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let is_module = parts.peek().is_some() && part[start..].starts_with(|c: char| c.is_lowercase());
        short.push_str(if is_module { &part[..start] } else { part });
        if parts.peek().is_some() && !is_module {
            short.push_str("::");
        }
    }
    short
}
