//! Connectors and migrations are part of the program: it is built again when one of them changes.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=connectors");
    println!("cargo:rerun-if-changed=migrations");
}
