//! The attacks that the compiler refuses, one file each in `tests/compile_fail`; the file's name is the rule.
//!
//! If a rule still holds and only the compiler's words changed, accept them with
//! `TRYBUILD=overwrite tests/run --quick compile_fail`. If a file compiles, a wall of the house is down.

#[test]
fn every_attack_is_refused_by_the_compiler() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
