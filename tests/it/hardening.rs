//! The running hub keeps its memory to itself: no core file, whatever ends it, and nobody of its own user looks into it.

use std::fs::File;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use obhut::types::Role;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases};
use crate::scan::left_out;

/// The user that may do nothing.
const NOBODY: u32 = 65_534;

/// From now on this process and its children may write core files, as far as the machine lets them.
fn allow_core_files() {
    let most = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: most, maximum: most }).unwrap();
}

/// Does a core file come about here at all, of a process that does nothing against it?
fn machine_writes_core_files(directory: &Path) -> bool {
    let ended = Command::new("sh").args(["-c", "kill -ABRT $$"]).current_dir(directory).status().unwrap();
    ended.core_dumped()
}

fn core_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_core = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        path.is_file() && (name == "core" || name.starts_with("core."))
    };
    entries.filter(is_core).collect()
}

#[test]
fn a_hub_that_is_aborted_leaves_no_core_file() {
    allow_core_files();
    let control = tempfile::tempdir().unwrap();
    if !machine_writes_core_files(control.path()) {
        left_out("this machine writes no core file for anybody: only the hub's own limit was checked");
    }
    let here = std::env::current_dir().unwrap();
    let before = core_files(&here);
    let mut house = House::open(Database::sqlite()).with_subject("marlene");
    // QUIT would do, too, but is ignored by whatever a shell starts in the background.
    for signal in [Signal::SYS, Signal::ABORT, Signal::TRAP] {
        house.lookup(Role::Dpo, "marlene", "subject_access").expect(200);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", house.process())).unwrap();
        let core: Vec<_> =
            limits.lines().find(|line| line.starts_with("Max core")).unwrap().split_whitespace().collect();
        assert_eq!(core[4..6], ["0", "0"], "{core:?}");
        let ended: ExitStatus = house.end_by(signal);
        assert_eq!(ended.signal(), Some(signal.as_raw()), "{ended}");
        assert!(!ended.core_dumped(), "a core file after {ended}");
        house.start();
    }
    house.lookup(Role::Dpo, "marlene", "subject_access").expect(200);
    assert_eq!(core_files(&here), before);
    for directory in [house.home().to_owned(), house.home().join("data"), house.home().join("tmp")] {
        assert!(core_files(&directory).is_empty(), "in {}", directory.display());
    }
}

/// What a process of an ordinary user shows of itself under `/proc` belongs to that user, unless it may not be dumped;
/// then it belongs to root, and no other process of that user reads its memory or attaches to it.
#[test]
fn a_running_hub_cannot_be_looked_into() {
    let home = tempfile::tempdir().unwrap();
    let (program, data) = (home.path().join("obhut"), home.path().join("data"));
    std::fs::copy(env!("CARGO_BIN_EXE_obhut"), &program).unwrap();
    std::fs::create_dir(&data).unwrap();
    let root = rustix::process::getuid().is_root();
    if root {
        for path in [home.path(), data.as_path()] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let as_user = |mut command: Command| {
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.env_clear().current_dir(home.path()).stdin(Stdio::null()).spawn().unwrap()
    };
    let log = home.path().join("log");
    let mut hub = Command::new(&program);
    hub.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
    hub.stdout(File::create(home.path().join("out")).unwrap()).stderr(File::create(&log).unwrap());
    let mut hub = as_user(hub);
    let mut other = Command::new("/bin/sleep");
    other.arg("100");
    let mut other = as_user(other);
    let serves = || std::fs::read_to_string(&log).unwrap().contains("serving");
    for _ in 0..3_000 {
        if serves() || hub.try_wait().unwrap().is_some() {
            break;
        }
        sleep(Duration::from_millis(20));
    }
    let owner = |process: u32| std::fs::metadata(format!("/proc/{process}/mem")).map(|file| file.uid());
    let owners = (owner(hub.id()), owner(other.id()));
    let served = serves();
    for child in [&mut hub, &mut other] {
        let _ = kill_process(Pid::from_child(child), Signal::TERM);
        child.wait().unwrap();
    }
    assert!(served, "the hub does not serve: {}", std::fs::read_to_string(&log).unwrap());
    let user = if root { NOBODY } else { rustix::process::getuid().as_raw() };
    assert_eq!((owners.0.unwrap(), owners.1.unwrap()), (0, user), "the owners of the memory of the hub and of another");
}

in_a_house_on_both_databases!(a_database_that_has_keys_gets_no_second_root_key);

/// Such as when the directory it lies in is not mounted.
fn a_database_that_has_keys_gets_no_second_root_key(database: Database) {
    let mut house = House::open(database);
    assert!(house.stop().success());
    let (key, kept) = (house.home().join("data/master.key"), house.home().join("kept"));
    std::fs::rename(&key, &kept).unwrap();
    let create = ["key", "create", "--role", "dpo", "--name", "second"];
    let told = house.run(&create);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(!told.status.success() && said.contains("the root key cannot be had"), "{said}");
    assert!(!key.exists(), "a key that opens nothing was made");
    std::fs::rename(&kept, &key).unwrap();
    assert!(house.run(&create).status.success());
}
