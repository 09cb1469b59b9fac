//! Times in string literals, read while compiling.

use proc_macro2::TokenStream;
use quote::quote;
use std::time::{Duration, SystemTime};
use syn::{Error, LitStr, Result};

/// `"90s"`, `"1h 30m"`.
pub(super) fn duration(literal: &LitStr) -> Result<TokenStream> {
    match humantime::parse_duration(&literal.value()) {
        Ok(duration) => Ok(written(duration)),
        Err(error) => Err(Error::new(
            literal.span(),
            format!(
                "not a duration ({error}): write for instance \"90s\", \"1h 30m\" or \"250ms\""
            ),
        )),
    }
}

/// `"2030-01-01T00:00:00Z"`.
pub(super) fn time(literal: &LitStr) -> Result<TokenStream> {
    let since = humantime::parse_rfc3339_weak(&literal.value())
        .map_err(|error| error.to_string())
        .and_then(|time| {
            time.duration_since(SystemTime::UNIX_EPOCH)
                .map_err(|error| error.to_string())
        });
    match since {
        Ok(since) => {
            let since = written(since);
            Ok(quote!(::std::time::SystemTime::UNIX_EPOCH + #since))
        }
        Err(error) => Err(Error::new(
            literal.span(),
            format!("not a time ({error}): write for instance \"2030-01-31 12:00:00\", in UTC"),
        )),
    }
}

fn written(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}
