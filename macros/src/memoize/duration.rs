//! Times in string literals, read while compiling.

use proc_macro2::TokenStream;
use quote::quote;
use std::time::{Duration, SystemTime};
use syn::{Error, LitStr, Result};

/// `"90s"`, `"1h 30m"`.
pub(super) fn duration(literal: &LitStr) -> Result<TokenStream> {
    match humantime::parse_duration(&literal.value()) {
        Ok(duration) => Ok(written(duration)),
        Err(_) => Err(Error::new(
            literal.span(),
            r#"not a duration: write for instance "90s", "1h 30m" or "250ms""#,
        )),
    }
}

/// `"2030-01-01 00:00:00"`.
pub(super) fn time(literal: &LitStr) -> Result<TokenStream> {
    let time = humantime::parse_rfc3339_weak(&literal.value());
    let since = time
        .ok()
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map(written);
    match since {
        Some(since) => Ok(quote!(::std::time::SystemTime::UNIX_EPOCH + #since)),
        None => Err(Error::new(
            literal.span(),
            r#"not a time: write for instance "2030-01-31 12:00:00", in UTC"#,
        )),
    }
}

fn written(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}
