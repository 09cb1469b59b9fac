//! `#[memoize]` from end to end: read, check, expand; or an error and a stub.

mod check;
mod duration;
mod expand;
mod fallback;
mod free;
mod function;
mod generics;
mod methods;
mod operations;
mod options;
mod setting;

use function::{Function, Written};
use options::Options;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, Item, ItemFn};

/// `#[memoize(options)] item`.
pub(crate) fn memoize(options: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(Item::Fn(function)) => free(options, function),
        Ok(Item::Impl(block)) => methods::generated(options, &block),
        other => {
            let error = match other {
                Ok(other) => Error::new(
                    other.span(),
                    "put `#[memoize]` on a function, or on an `impl` block and its methods",
                ),
                Err(error) => error,
            };
            [item, error.into_compile_error()].into_iter().collect()
        }
    }
}

fn free(options: TokenStream, function: ItemFn) -> TokenStream {
    let written = Written::from(function);
    let mut read = Options::default();
    let name = &written.signature.ident;
    let generated = read.read(options).and_then(|()| {
        let function = Function::read(&written.signature, None)?;
        let plan = check::plan(&read, &function, &name.unraw().to_string())?;
        Ok(free::generated(&written, &function, &plan))
    });
    generated.unwrap_or_else(|error| {
        let (error, stub) = (error.into_compile_error(), fallback::free(&written, &read));
        quote!(#written #error #stub)
    })
}
