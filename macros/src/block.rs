//! An `impl` block: its functions, and its `Self` written out for code that
//! stands outside.

use crate::lifetimes;
use proc_macro2::{Group, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{ImplItem, ImplItemFn, ItemImpl, Type};

pub(crate) fn functions(block: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    })
}

/// The tokens with `Self` replaced by `this`, in types and in expressions.
pub(crate) fn written_out(tokens: TokenStream, this: &Type) -> TokenStream {
    let (as_type, as_path) = (this.to_token_stream(), path(this));
    replaced(tokens, &as_type, &as_path)
}

fn replaced(tokens: TokenStream, as_type: &TokenStream, as_path: &TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut written = TokenStream::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => written.extend(
                // `Self::NAME` is `<Type<T>>::NAME`.
                if tokens.peek().is_some_and(starts_a_path) {
                    as_path.clone()
                } else {
                    as_type.clone()
                },
            ),
            TokenTree::Group(group) => {
                let inner = replaced(group.stream(), as_type, as_path);
                let mut replacement = Group::new(group.delimiter(), inner);
                replacement.set_span(group.span());
                written.extend([TokenTree::Group(replacement)]);
            }
            other => written.extend([other]),
        }
    }
    written
}

fn starts_a_path(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(first) if first.as_char() == ':' && first.spacing() == Spacing::Joint)
}

/// `this` before a `::`, its lifetimes left to the compiler.
pub(crate) fn path(this: &Type) -> TokenStream {
    let this = lifetimes::inferred(this);
    quote!(<#this>)
}
