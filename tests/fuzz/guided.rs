//! libFuzzer gives one reader input after input and keeps those that reach new code. Which one, `OBHUT_FUZZ_READER` says.
#![no_main]

use std::sync::LazyLock;

#[path = "../it/clock_and_chance.rs"]
#[allow(dead_code, reason = "the suite uses more of it")]
mod chance;
#[allow(dead_code, reason = "the suite uses more of it")]
mod readers;

static READER: LazyLock<&readers::Reader> = LazyLock::new(|| {
    let name = std::env::var("OBHUT_FUZZ_READER").expect("OBHUT_FUZZ_READER names a reader");
    readers::Reader::named(&name).expect("there is no reader of this name")
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    READER.is_content_with(input);
});
