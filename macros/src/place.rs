//! Where generated code finds a value: an argument inside `args`, a field, what
//! either of them points to.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Ident, Index};

/// What leads from one place to another.
#[derive(Clone, Copy)]
pub(crate) enum Pointer {
    Reference,
    Cow,
}

/// An expression for a value that generated code reads but does not own.
#[derive(Clone)]
pub(crate) struct Place {
    tokens: TokenStream,
    behind: bool,
}

impl Place {
    /// The expression is the value.
    pub(crate) fn at(tokens: TokenStream) -> Self {
        Place {
            tokens,
            behind: false,
        }
    }

    /// The expression is a reference to the value.
    pub(crate) fn behind(tokens: TokenStream) -> Self {
        Place {
            tokens,
            behind: true,
        }
    }

    /// The value, to copy or to borrow.
    pub(crate) fn value(&self) -> TokenStream {
        let tokens = &self.tokens;
        if self.behind {
            quote!(*#tokens)
        } else {
            quote!(#tokens)
        }
    }

    /// A reference to the value.
    pub(crate) fn borrow(&self) -> TokenStream {
        let tokens = &self.tokens;
        if self.behind {
            quote!(#tokens)
        } else {
            quote!(&#tokens)
        }
    }

    pub(crate) fn target(&self, pointer: Pointer) -> Self {
        match pointer {
            Pointer::Reference if self.behind => {
                let tokens = &self.tokens;
                Place::behind(quote!((*#tokens)))
            }
            Pointer::Reference => Place::behind(self.tokens.clone()),
            Pointer::Cow => {
                let borrow = self.borrow();
                Place::behind(quote!(::core::ops::Deref::deref(#borrow)))
            }
        }
    }

    pub(crate) fn member(&self, at: usize) -> Self {
        let (tokens, at) = (&self.tokens, Index::from(at));
        Place::at(quote!(#tokens.#at))
    }

    /// All the floats in the value, unborrowed.
    pub(crate) fn floats(&self) -> TokenStream {
        let tokens = &self.tokens;
        quote!(#tokens[..])
    }
}

/// A name that what the user wrote can neither see nor shadow.
pub(crate) fn local(name: &str) -> Ident {
    format_ident!("{name}", span = Span::mixed_site())
}
