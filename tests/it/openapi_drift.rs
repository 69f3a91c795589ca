//! `openapi/obhut.json` is the document the program serves.

use obhut::api::{routes, server};

#[test]
fn the_committed_openapi_document_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/obhut.json");
    let mut made = server::openapi(routes::configure).to_pretty_json().unwrap();
    made.push('\n');
    if accepting() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi")).unwrap();
        std::fs::write(path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let line = committed.lines().zip(made.lines()).take_while(|(committed, made)| committed == made).count() + 1;
    assert!(
        committed == made,
        "openapi/obhut.json differs from what the program serves, first on line {line}. If the change is meant, run\n\
         OBHUT_ACCEPT=1 cargo test --test it openapi\nand commit the file: it is what clients are built from."
    );
}

#[expect(clippy::disallowed_methods, reason = "how the one who runs the tests says that a change is meant")]
fn accepting() -> bool {
    std::env::var_os("OBHUT_ACCEPT").is_some()
}
