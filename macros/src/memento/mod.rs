//! `#[memento]` from end to end: read, check, expand; or an error and a stub.

mod check;
mod constructor;
mod expand;
mod faces;
mod fallback;
mod options;

use constructor::Constructor;
use options::Options;
use proc_macro2::TokenStream;

/// `#[memento(options)] item`.
pub(crate) fn memento(options: TokenStream, item: TokenStream) -> TokenStream {
    let block = match constructor::block(item.clone()) {
        Ok(block) => block,
        Err(error) => return [item, error.into_compile_error()].into_iter().collect(),
    };
    let mut read = Options::default();
    let generated = read.read(options).and_then(|()| {
        let constructor = Constructor::find(&block, read.with.as_ref())?;
        let plan = check::plan(&read, &block, &constructor)?;
        Ok(expand::generated(&block, &constructor, &plan))
    });
    let generated = generated.unwrap_or_else(|error| {
        [error.into_compile_error(), fallback::stub(&read, &block)]
            .into_iter()
            .collect()
    });
    [item, generated].into_iter().collect()
}
