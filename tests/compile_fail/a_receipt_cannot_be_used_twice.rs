//! One audit line stands for one disclosure.

use obhut::audit::Receipt;

fn disclose(receipt: Receipt) {
    drop(receipt);
}

fn handler(receipt: Receipt) {
    disclose(receipt);
    disclose(receipt);
}

fn main() {}
