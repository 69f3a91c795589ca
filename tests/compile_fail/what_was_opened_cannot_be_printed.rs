//! Clear bytes have no form of their own.

use obhut::vault::Opened;

fn log(opened: &Opened) -> String {
    println!("{opened:?}");
    println!("{opened}");
    serde_json::to_string(opened).unwrap()
}

fn main() {}
