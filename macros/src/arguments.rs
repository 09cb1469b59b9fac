//! What a call is given: the arguments of a constructor or a function.

use crate::lifetimes;
use crate::place::{Place, local};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Index, Pat, PatType, Type};

pub(crate) struct Arguments {
    pub(crate) list: Vec<Argument>,
    /// What takes them, for messages: "constructor", "function".
    pub(crate) owner: &'static str,
    /// Its name.
    pub(crate) name: Span,
    /// Where they are written: what the compiler says of the key belongs there.
    pub(crate) parentheses: Span,
}

pub(crate) struct Argument {
    /// Its name, or a made-up one for a pattern that is not a name.
    pub(crate) name: Ident,
    pub(crate) has_name: bool,
    /// The type as written.
    pub(crate) ty: Type,
    /// The type inside `Args<'m>`.
    pub(crate) kept: Type,
}

impl Argument {
    pub(crate) fn read(at: usize, typed: &PatType) -> Self {
        let name = match &*typed.pat {
            Pat::Ident(pat) => Some(pat.ident.clone()),
            _ => None,
        };
        Argument {
            has_name: name.is_some(),
            name: name.unwrap_or_else(|| local(&format!("arg{at}"))),
            ty: (*typed.ty).clone(),
            kept: lifetimes::unified(&typed.ty),
        }
    }
}

impl Arguments {
    /// `Args<'m>`: nothing, the one argument, or a tuple.
    pub(crate) fn types(&self) -> TokenStream {
        listed(self.list.iter().map(|argument| &argument.kept))
    }

    /// The same, as a value.
    pub(crate) fn values(&self) -> TokenStream {
        listed(self.list.iter().map(|argument| &argument.name))
    }

    /// `name: type, ..` as the function takes them.
    pub(crate) fn parameters(&self) -> TokenStream {
        let (names, types): (Vec<_>, Vec<_>) = self
            .list
            .iter()
            .map(|argument| (&argument.name, &argument.ty))
            .unzip();
        quote!(#(#names: #types),*)
    }

    /// The parts of an owned [`args`], to call the function with.
    pub(crate) fn parts(&self) -> TokenStream {
        let args = args();
        if self.list.len() == 1 {
            return quote!(#args);
        }
        let parts = (0..self.list.len()).map(Index::from);
        quote!(#(#args.#parts),*)
    }

    /// Where the argument with this index is found in a borrowed [`args`].
    pub(crate) fn place(&self, at: usize) -> Place {
        let args = args();
        if self.list.len() == 1 {
            return Place::behind(quote!(#args));
        }
        let at = Index::from(at);
        Place::at(quote!(#args.#at))
    }

    /// Which argument has this name.
    pub(crate) fn position(&self, name: &Ident) -> Option<usize> {
        self.list
            .iter()
            .position(|argument| argument.has_name && argument.name == *name)
    }

    /// The arguments that a key can name, for messages.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self
            .list
            .iter()
            .filter(|argument| argument.has_name)
            .map(|argument| format!("`{}`", argument.name))
            .collect();
        names.join(", ")
    }
}

/// The name of all arguments together in generated code.
pub(crate) fn args() -> Ident {
    local("args")
}

fn listed<T: quote::ToTokens>(items: impl ExactSizeIterator<Item = T>) -> TokenStream {
    if items.len() == 1 {
        quote!(#(#items)*)
    } else {
        quote!((#(#items),*))
    }
}
