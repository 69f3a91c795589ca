//! The first command of the README: the demo merchant, and its tour pasted literally.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use obhut::store::Shelf;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::databases::Database;

/// A running demo, and what it printed.
struct Demo {
    child: Child,
    printed: String,
}

impl Demo {
    fn start(home: &Path) -> Self {
        let out = home.join("printed");
        let file = std::fs::File::create(&out).unwrap();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(home.join("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_obhut"))
            .env_clear()
            .args(["demo", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(home.join("data"))
            .args(["--log-format", "json", "--log-filter", "debug"])
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(log)
            .spawn()
            .unwrap();
        for _ in 0..3_000 {
            let printed = std::fs::read_to_string(&out).unwrap();
            if printed.contains("Ctrl-C") {
                return Self { child, printed };
            }
            let log = || std::fs::read_to_string(home.join("log")).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "the demo ended: {}", log());
            sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        panic!("the demo does not serve");
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// The commands of the tour, as printed.
    fn commands(&self) -> Vec<String> {
        let mut commands: Vec<String> = Vec::new();
        let mut open = false;
        for line in self.printed.lines() {
            if line.starts_with("curl ") {
                commands.push(line.to_owned());
            } else if open && let Some(last) = commands.last_mut() {
                last.push('\n');
                last.push_str(line);
            }
            open = (open || line.starts_with("curl ")) && line.ends_with('\\');
        }
        commands
    }
}

fn paste(command: &str, directory: &Path) -> Output {
    let done = Command::new("bash").arg("-c").arg(command).current_dir(directory).output().unwrap();
    assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
    done
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stdout)))
}

fn credentials(home: &Path) -> Value {
    let file = home.join("data/credentials.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(home.join("data/master.key")).unwrap().permissions().mode() & 0o777, 0o600);
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn the_tour_behaves_as_printed_and_the_demo_can_be_run_again() {
    let home = tempfile::tempdir().unwrap();
    let people = || {
        let database = Database::in_directory(&home.path().join("data"));
        (database.count(Shelf::Records, "subject"), database.count(Shelf::Records, "record"))
    };
    let first = Demo::start(home.path());
    let keys = credentials(home.path());
    let seeded = people();
    assert!(seeded.0 > 5, "{seeded:?}");
    for role in ["admin", "partner", "marketing", "dpo"] {
        assert!(keys["keys"][role].as_str().unwrap().starts_with("obh_"), "{role}");
    }
    first.stop();

    // Again on the same directory: the same people, the same keys.
    let again = Demo::start(home.path());
    assert_eq!(credentials(home.path())["keys"], keys["keys"]);
    assert_eq!(people(), seeded);
    let base = credentials(home.path())["base_url"].as_str().unwrap().to_owned();
    assert!(again.printed.contains(&base));

    let commands = again.commands();
    let [consented, refused, segment, access, erasure] = commands.as_slice() else {
        panic!("five steps: {}", again.printed);
    };
    let read = json(&paste(consented, home.path()));
    assert_eq!(read["decision"]["outcome"], "allow");
    assert!(read["data"]["contact"].to_string().contains("marlene.koehler@example.org"), "{read}");
    assert!(read["data"].get("address").is_none());
    let refusal = json(&paste(refused, home.path()));
    assert_eq!((&refusal["status"], &refusal["code"]), (&404.into(), &"not_found".into()));
    let unknown = json(&paste(&refused.replace("jonas.brandt", "niemand.kennt"), home.path()));
    assert_eq!((&refusal["title"], &refusal["detail"]), (&unknown["title"], &unknown["detail"]));
    let table = String::from_utf8(paste(segment, home.path()).stdout).unwrap();
    assert!(table.lines().count() > 1 && table.contains("marlene.koehler@example.org"), "{table}");
    assert!(!table.contains("jonas.brandt"));
    paste(access, home.path());
    opens_offline(&home.path().join("access.zip"));
    let certificate = json(&paste(erasure, home.path()));
    assert!(certificate["signature"].is_string() && certificate["certificate"]["effective_at"].is_string());
    let gone = json(&paste(consented, home.path()));
    assert_eq!((&gone["title"], &gone["detail"]), (&unknown["title"], &unknown["detail"]));
    let left = people();
    again.stop();

    // After an erasure the fixtures do not bring anybody back.
    let third = Demo::start(home.path());
    assert_eq!(people(), left);
    let command = &third.commands()[0];
    assert_eq!(json(&paste(command, home.path()))["code"], "not_found");
    third.stop();
    let log = std::fs::read_to_string(home.path().join("log")).unwrap();
    assert!(!log.contains("marlene") && !log.contains("jonas"));
}

fn opens_offline(file: &Path) {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut read = |name: &str| std::io::read_to_string(zip.by_name(name).unwrap()).unwrap();
    let page = read("package.html");
    assert!(page.contains("marlene.koehler@example.org"));
    for loader in ["src=\"http", "href=\"http", "@import", "url(http", "<script src"] {
        assert!(!page.contains(loader), "{loader}");
    }
    let data: Value = serde_json::from_str(&read("data.json")).unwrap();
    assert!(data.to_string().contains("marlene.koehler@example.org"));
}
