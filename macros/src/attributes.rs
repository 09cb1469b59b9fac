//! Attributes: which of the user's go where, and those of generated code.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Ident, Meta, Result, Token};

/// Those that mean the same on a function that calls the user's.
pub(crate) fn passed_on(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes
        .iter()
        .filter(|attribute| passes(&attribute.meta))
        .cloned()
        .collect()
}

fn passes(meta: &Meta) -> bool {
    if meta.path().is_ident("cfg_attr") {
        return conditional(meta).is_some_and(|metas| metas.iter().skip(1).all(passes));
    }
    ["doc", "cfg", "deprecated", "allow"]
        .iter()
        .any(|name| meta.path().is_ident(name))
}

fn conditional(meta: &Meta) -> Option<Punctuated<Meta, Token![,]>> {
    meta.require_list()
        .ok()?
        .parse_args_with(Punctuated::parse_terminated)
        .ok()
}

/// The `#[cfg]`s among some attributes.
pub(crate) fn conditions(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
}

/// All but the documentation.
pub(crate) fn undocumented(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes
        .iter()
        .filter(|attribute| !attribute.path().is_ident("doc"))
}

/// The generated code is not the user's to tidy up.
pub(crate) fn allowances() -> TokenStream {
    let lints = lints();
    quote! {
        #[automatically_derived]
        #lints
    }
}

/// The same, on anything but an `impl` block.
pub(crate) fn lints() -> TokenStream {
    quote!(#[allow(dead_code, deprecated, clippy::all, clippy::pedantic, clippy::nursery)])
}

/// A generated name that leads to where the user wrote `origin`.
pub(crate) fn name_at(name: &str, origin: &Ident) -> Ident {
    format_ident!("{name}", span = located(origin.span()))
}

/// Shown there, and still known to the compiler as generated.
pub(crate) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// A function's attributes, when its body moves into another one.
pub(crate) struct Divided {
    /// What callers see.
    pub(crate) outside: Vec<Attribute>,
    /// What the body is subject to. What the macro does not know, too: it was
    /// put on this body.
    pub(crate) body: Vec<Attribute>,
}

pub(crate) fn divided(attributes: &[Attribute]) -> Divided {
    let those = |belongs: fn(&Meta) -> bool| {
        attributes
            .iter()
            .filter(|attribute| belongs(&attribute.meta))
            .cloned()
            .collect()
    };
    Divided {
        outside: those(is_outside),
        body: those(is_of_body),
    }
}

fn is_outside(meta: &Meta) -> bool {
    is_conditionally(meta, is_outside)
        .unwrap_or_else(|| passes(meta) || is_lint(meta) || meta.path().is_ident("must_use"))
}

fn is_of_body(meta: &Meta) -> bool {
    let not_here = ["doc", "deprecated", "must_use", "track_caller"];
    is_conditionally(meta, is_of_body)
        .unwrap_or_else(|| !not_here.iter().any(|name| meta.path().is_ident(name)))
}

/// Whether all that a `cfg_attr` stands for is so; nothing for another attribute.
fn is_conditionally(meta: &Meta, is_so: fn(&Meta) -> bool) -> Option<bool> {
    meta.path()
        .is_ident("cfg_attr")
        .then(|| conditional(meta).is_some_and(|metas| metas.iter().skip(1).all(is_so)))
}

fn is_lint(meta: &Meta) -> bool {
    ["allow", "warn", "deny", "forbid"]
        .iter()
        .any(|name| meta.path().is_ident(name))
}

/// Whether the crate has what it takes to await.
pub(crate) fn check_async(asyncness: &Token![async]) -> Result<()> {
    match cfg!(feature = "async") {
        true => Ok(()),
        false => Err(Error::new(
            asyncness.span(),
            "what is awaited needs the feature `async` of `mementos`: add it in `Cargo.toml`, \
             or make this a plain `fn`",
        )),
    }
}
