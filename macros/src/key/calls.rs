//! Calling a user's function of the arguments, which it may not consume.

use crate::arguments::Arguments;
use crate::place::Place;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, Expr, ExprClosure, Ident, Pat, Result, Type};

/// Calls a closure of all arguments. `unneeded` ends the advice to name those
/// with `_` that it does not use.
pub(crate) fn closure(
    closure: &ExprClosure,
    arguments: &Arguments,
    unneeded: &str,
) -> Result<TokenStream> {
    let (taken, given) = (closure.inputs.len(), arguments.list.len());
    if taken != given {
        let (open, inputs, close) = (&closure.or1_token, &closure.inputs, &closure.or2_token);
        return Err(Error::new_spanned(
            quote!(#open #inputs #close),
            format!(
                "the closure takes {taken} of the {}'s {given} arguments: \
                 list them all, with `_` for those that {unneeded}",
                arguments.owner
            ),
        ));
    }
    let values: Vec<_> = arguments
        .list
        .iter()
        .zip(&closure.inputs)
        .enumerate()
        .map(|(at, (argument, input))| {
            passed(&argument.kept, annotation(input), &arguments.place(at))
        })
        .collect();
    Ok(called(closure, &values))
}

/// Calls whatever else can be called with all arguments.
pub(crate) fn function(function: &Expr, arguments: &Arguments) -> TokenStream {
    let values = arguments
        .list
        .iter()
        .enumerate()
        .map(|(at, argument)| passed(&argument.kept, None, &arguments.place(at)));
    quote!((#function)(#(#values),*))
}

/// Calls the closure through a function, because a closure that is called on
/// the spot learns the types of its parameters too late.
pub(crate) fn called(closure: &ExprClosure, values: &[TokenStream]) -> TokenStream {
    let types: Vec<_> = (0..values.len()).map(|at| format_ident!("A{at}")).collect();
    let names: Vec<_> = (0..values.len()).map(|at| format_ident!("a{at}")).collect();
    let call = Ident::new("__memento_key", Span::mixed_site());
    quote! {{
        fn #call<#(#types,)* K>(key: impl ::core::ops::FnOnce(#(#types),*) -> K #(, #names: #types)*) -> K {
            key(#(#names),*)
        }
        #call(#closure #(, #values)*)
    }}
}

fn annotation(input: &Pat) -> Option<&Type> {
    match input {
        Pat::Type(typed) if !matches!(*typed.ty, Type::Infer(_)) => Some(&typed.ty),
        _ => None,
    }
}

/// How such a function is given an argument.
fn passed(ty: &Type, wanted: Option<&Type>, place: &Place) -> TokenStream {
    let (value, borrow) = (place.value(), place.borrow());
    match (ty, wanted) {
        (Type::Paren(inner), _) => passed(&inner.elem, wanted, place),
        (Type::Group(inner), _) => passed(&inner.elem, wanted, place),
        (Type::Reference(reference), _) if reference.mutability.is_some() => quote!(&*#value),
        (Type::Reference(_), _) => value,
        (_, Some(Type::Reference(_))) => borrow,
        _ if is_plain_copy(ty) => value,
        (_, Some(_)) => quote!(::core::clone::Clone::clone(#borrow)),
        (_, None) => borrow,
    }
}

fn is_plain_copy(ty: &Type) -> bool {
    const NAMES: [&str; 16] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64", "bool", "char",
    ];
    matches!(ty, Type::Path(path) if NAMES.iter().any(|name| path.path.is_ident(name)))
}
