//! Misuse of the macros: one clear error each, at the right place.
//!
//! The expected messages are those of the stable toolchain.
//! `TRYBUILD=overwrite cargo test --test ui` writes them anew.

#![cfg(feature = "macros")]

#[test]
#[cfg_attr(miri, ignore = "runs the compiler")]
fn every_misuse_is_one_error_that_names_the_remedy() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    #[cfg(feature = "testing")]
    cases.compile_fail("tests/ui/bytes/*.rs");
}
