//! A function's parameters, taken apart: the type that stands for the function
//! has its types and constants; lifetimes belong to each call.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::{
    Error, GenericParam, Generics, Ident, Result, Token, TypeParam, TypeParamBound, WherePredicate,
    parse_quote,
};

#[derive(Clone, Default)]
pub(super) struct Split {
    /// Types and constants, and what is said of them.
    pub(super) of_type: Generics,
    /// Lifetimes, and what is said of them.
    pub(super) of_call: Generics,
}

impl Split {
    pub(super) fn of(generics: &Generics) -> Result<Self> {
        let lifetimes: Vec<_> = generics
            .lifetimes()
            .map(|param| param.lifetime.ident.clone())
            .collect();
        let mut split = Split::default();
        for param in &generics.params {
            match param {
                GenericParam::Lifetime(_) => split.of_call.params.push(param.clone()),
                GenericParam::Const(_) => split.of_type.params.push(param.clone()),
                GenericParam::Type(param) => split.type_param(param, &lifetimes)?,
            }
        }
        for predicate in generics.where_clause.iter().flat_map(|w| &w.predicates) {
            split.predicate(predicate, &lifetimes)?;
        }
        Ok(split)
    }

    fn type_param(&mut self, param: &TypeParam, lifetimes: &[Ident]) -> Result<()> {
        let mut kept = param.clone();
        kept.bounds.clear();
        for bound in &param.bounds {
            if !mentions(bound.to_token_stream(), lifetimes) {
                kept.bounds.push(bound.clone());
            } else if let TypeParamBound::Lifetime(_) = bound {
                let name = &param.ident;
                push(&mut self.of_call, parse_quote!(#name: #bound));
            } else {
                return Err(one_call(bound));
            }
        }
        self.of_type.params.push(GenericParam::Type(kept));
        Ok(())
    }

    fn predicate(&mut self, predicate: &WherePredicate, lifetimes: &[Ident]) -> Result<()> {
        if !mentions(predicate.to_token_stream(), lifetimes) {
            push(&mut self.of_type, predicate.clone());
            return Ok(());
        }
        match predicate {
            WherePredicate::Type(typed) if !only_outlives(&typed.bounds) => {
                Err(one_call(predicate))
            }
            _ => {
                push(&mut self.of_call, predicate.clone());
                Ok(())
            }
        }
    }
}

fn push(generics: &mut Generics, predicate: WherePredicate) {
    generics.make_where_clause().predicates.push(predicate);
}

fn only_outlives(bounds: &Punctuated<TypeParamBound, Token![+]>) -> bool {
    bounds
        .iter()
        .all(|bound| matches!(bound, TypeParamBound::Lifetime(_)))
}

fn one_call(bound: impl ToTokens) -> Error {
    Error::new_spanned(
        bound,
        "a result is kept for calls with any lifetimes, so a bound cannot name one: \
         write `for<'a> ..` here",
    )
}

/// Whether one of these lifetimes is written there.
fn mentions(tokens: TokenStream, lifetimes: &[Ident]) -> bool {
    let mut after_tick = false;
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), lifetimes),
        TokenTree::Punct(punct) => {
            after_tick = punct.as_char() == '\'';
            false
        }
        TokenTree::Ident(ident) => std::mem::take(&mut after_tick) && lifetimes.contains(&ident),
        TokenTree::Literal(_) => false,
    })
}

/// The parameters of a block and of a function in it, together.
pub(super) fn joined(block: &Generics, function: &Generics) -> Generics {
    let mut joined = block.clone();
    joined.params.extend(function.params.iter().cloned());
    for predicate in function.where_clause.iter().flat_map(|w| &w.predicates) {
        push(&mut joined, predicate.clone());
    }
    joined
}

/// The declaration of the type that stands for the function, from its name on.
/// There are no values of it.
///
/// A private type may be an argument of a `pub` function that nobody outside can
/// reach, but it may not be named by the `Memoized` implementation of a `pub`
/// type. So such a type has a parameter that is all of these types by default:
/// with it the implementation is as private as they are.
pub(super) fn declared(
    name: &Ident,
    of_type: &Generics,
    types: Option<TokenStream>,
) -> TokenStream {
    // Without bounds, which are for its implementations to have.
    let params = of_type.params.iter().map(|param| match param {
        GenericParam::Type(param) => {
            let name = &param.ident;
            quote!(#name: ?Sized)
        }
        GenericParam::Const(param) => {
            let (name, ty) = (&param.ident, &param.ty);
            quote!(const #name: #ty)
        }
        GenericParam::Lifetime(param) => quote!(#param),
    });
    let types = types.map(|types| quote!(__Types = #types));
    let params: Vec<_> = params.chain(types.clone()).collect();
    let params = (!params.is_empty()).then(|| quote!(<#(#params),*>));
    let used: Vec<_> = of_type
        .type_params()
        .map(|param| param.ident.to_token_stream())
        .chain(types.map(|_| quote!(__Types)))
        .collect();
    // Shared between threads whatever the types, and sized even if they are not.
    let of = (!used.is_empty())
        .then(|| quote!(of: ::core::marker::PhantomData<fn() -> (#(*const #used,)*)>,));
    quote!(struct #name #params { never: ::core::convert::Infallible, #of })
}
