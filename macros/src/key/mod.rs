//! The key of calls: by their arguments, or by a function of these.

pub(crate) mod calls;
mod parts;

use crate::arguments::Arguments;
use crate::keyoption::KeyOption;
use crate::place::local;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Path, Result, ReturnType};

/// What is generated for the key.
pub(crate) struct KeyForm {
    /// The associated type `Key`.
    pub(crate) ty: TokenStream,
    /// The body of `lookup`, of [`args`](crate::arguments::args).
    pub(crate) lookup: TokenStream,
    /// The arguments, made anew from [`key`]; nothing, where they are not all in it.
    pub(crate) arguments: Option<TokenStream>,
}

/// The name of a key in generated code.
pub(crate) fn key() -> Ident {
    local("key")
}

impl KeyForm {
    /// As `key` says, or else all arguments together.
    pub(crate) fn of(krate: &Path, key: Option<&KeyOption>, arguments: &Arguments) -> Result<Self> {
        match key {
            None => parts::all(krate, arguments),
            Some(KeyOption::Arguments(list)) => parts::chosen(krate, list, arguments),
            Some(KeyOption::Closure(closure)) => {
                let called = calls::closure(closure, arguments, "are not identity")?;
                Ok(match &closure.output {
                    ReturnType::Type(_, key) => KeyForm {
                        ty: quote!(#key),
                        lookup: quote!(#krate::key::Owned(#called)),
                        arguments: None,
                    },
                    ReturnType::Default => KeyForm::computed(krate, &called),
                })
            }
            Some(KeyOption::Function(function)) => {
                let called = calls::function(function, arguments);
                Ok(KeyForm::computed(krate, &called))
            }
        }
    }

    /// A key whose type only the function knows that computes it.
    pub(crate) fn computed(krate: &Path, call: &TokenStream) -> Self {
        KeyForm {
            ty: quote!(#krate::key::AnyKey),
            lookup: quote!(#krate::key::Computed(#call)),
            arguments: None,
        }
    }

    /// In place of a key that was not understood.
    pub(crate) fn none() -> Self {
        KeyForm {
            ty: quote!(()),
            lookup: quote!(()),
            arguments: None,
        }
    }
}
