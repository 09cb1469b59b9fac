//! The articles on a page: a function that is memoized.

use crate::client::{Client, Refused};
use mementos::memoize;

/// The options of pages.
pub(crate) const REGION: &str = "pages";

/// What there is on a page, if there is such a page.
pub(crate) type Listed = Result<Option<Vec<u64>>, Refused>;

/// The numbers of the articles on a page of the upstream.
#[memoize(region = "pages")]
pub(crate) async fn page(upstream: &str, number: u64) -> Listed {
    Client::memento(upstream).page(number).await
}
