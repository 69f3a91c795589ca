//! One audit line stands for one disclosure.

use obhut::audit::Receipt;

fn two(receipt: Receipt) -> (Receipt, Receipt) {
    (Clone::clone(&receipt), receipt)
}

fn main() {}
