//! The constructor that `#[memento]` finds in the block, checked.

use crate::arguments::{Argument, Arguments};
use crate::attributes::{self, located};
use crate::block::functions;
use crate::keyform::last_segment;
use crate::lifetimes;
use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, FnArg, Generics, Ident, ImplItemFn, Item, ItemImpl, Result, ReturnType,
    Token, Type, Visibility, parse_quote,
};

pub(crate) struct Constructor {
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    /// Lifetimes and their bounds; nothing else gets here.
    pub(crate) generics: Generics,
    pub(crate) arguments: Arguments,
    /// The return type as written.
    pub(crate) output: Type,
    /// What says that it is to be awaited.
    pub(crate) asyncness: Option<Token![async]>,
    /// What the generated functions take over.
    pub(crate) attributes: Vec<Attribute>,
}

/// The block, if it is one that `#[memento]` can stand on.
pub(crate) fn block(item: TokenStream) -> Result<ItemImpl> {
    let block = match syn::parse2(item)? {
        Item::Impl(block) => block,
        other => {
            return Err(Error::new(
                other.span(),
                "put `#[memento]` on the `impl` block that holds the constructor",
            ));
        }
    };
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new_spanned(
            path,
            "put `#[memento]` on an inherent `impl` block: a trait's function cannot be the constructor",
        ));
    }
    match lifetimes::borrowed(&lifetimes::unified(&block.self_ty)) {
        Some(lifetime) => Err(Error::new(
            lifetime.span(),
            "a kept instance outlives any borrow: make the type own its data",
        )),
        None => Ok(block),
    }
}

impl Constructor {
    /// Finds and checks `with`, or `new`.
    pub(crate) fn find(block: &ItemImpl, with: Option<&Ident>) -> Result<Self> {
        let named = |function: &&ImplItemFn| match with {
            Some(name) => function.sig.ident == *name,
            None => function.sig.ident == "new",
        };
        match functions(block).find(named) {
            Some(function) => Constructor::read(function, &block.self_ty),
            None => Err(missing(block, with)),
        }
    }

    fn read(function: &ImplItemFn, this: &Type) -> Result<Self> {
        check_qualifiers(function)?;
        check_generics(function)?;
        let list = function
            .sig
            .inputs
            .iter()
            .enumerate()
            .map(|(at, input)| argument(at, input))
            .collect::<Result<_>>()?;
        Ok(Constructor {
            name: function.sig.ident.clone(),
            visibility: function.vis.clone(),
            generics: function.sig.generics.clone(),
            arguments: Arguments {
                list,
                owner: "constructor",
                name: function.sig.ident.span(),
                parentheses: located(function.sig.paren_token.span.join()),
            },
            output: output(function, this)?,
            asyncness: function.sig.asyncness,
            attributes: attributes::passed_on(&function.attrs),
        })
    }
}

fn missing(block: &ItemImpl, with: Option<&Ident>) -> Error {
    match with {
        Some(name) => Error::new(
            name.span(),
            format!("this block has no function `{name}`: `with` names the constructor"),
        ),
        None => Error::new_spanned(
            &block.self_ty,
            "no constructor: write `fn new(..) -> Self` in this block, or name one with `with = ..`",
        ),
    }
}

fn check_qualifiers(function: &ImplItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(asyncness) = &signature.asyncness {
        attributes::check_async(asyncness)?;
    }
    if let Some(token) = &signature.unsafety {
        return Err(Error::new(
            token.span(),
            "`memento` is safe to call, so the constructor must be: make it a safe `fn`",
        ));
    }
    Ok(())
}

fn check_generics(function: &ImplItemFn) -> Result<()> {
    let generics = &function.sig.generics;
    let parameter = generics
        .params
        .iter()
        .find(|param| !matches!(param, syn::GenericParam::Lifetime(_)));
    if let Some(parameter) = parameter {
        return Err(Error::new_spanned(
            parameter,
            "one type has one kind of key, so its constructor cannot be generic: \
             move the parameter to the `impl` block, or write a concrete type",
        ));
    }
    if let Some(found) = lifetimes::impl_trait(&function.sig) {
        return Err(Error::new_spanned(
            found,
            "one type has one kind of key, so its constructor cannot take `impl Trait`: \
             write a concrete type",
        ));
    }
    Ok(())
}

fn argument(at: usize, input: &FnArg) -> Result<Argument> {
    match input {
        FnArg::Typed(typed) => Ok(Argument::read(at, typed)),
        FnArg::Receiver(receiver) => Err(Error::new(
            receiver.self_token.span(),
            "a constructor has no instance yet: remove `self`, \
             or name another function with `with = ..`",
        )),
    }
}

fn output(function: &ImplItemFn, this: &Type) -> Result<Type> {
    let ReturnType::Type(_, output) = &function.sig.output else {
        return Err(Error::new(
            function.sig.ident.span(),
            "the constructor returns nothing: write `-> Self`, or `-> Result<Self, ..>`",
        ));
    };
    if let Type::ImplTrait(found) = &**output {
        return Err(Error::new_spanned(
            found,
            "the constructor's return type must be named: write `-> Self`, or `-> Result<Self, ..>`",
        ));
    }
    if let Some(remedy) = wrapped(output, this) {
        return Err(Error::new_spanned(output, remedy));
    }
    match lifetimes::borrowed(&lifetimes::unified(output)) {
        Some(lifetime) => Err(Error::new(
            lifetime.span(),
            "an instance and its error outlive the call: return a type that owns its data",
        )),
        None => Ok((**output).clone()),
    }
}

/// What to return instead of the type in a usual wrapper.
fn wrapped(output: &Type, this: &Type) -> Option<&'static str> {
    let Type::Path(path) = output else {
        return None;
    };
    let (name, inner) = last_segment(path);
    if !matches!(inner.as_slice(), [inner] if *inner == this || **inner == parse_quote!(Self)) {
        return None;
    }
    match name.as_str() {
        "Option" => Some("return a `Result<Self, ..>`: its error says why there is no instance"),
        "Arc" | "Box" | "Rc" => Some("return `Self`: what is built is put into an `Arc` then"),
        _ => None,
    }
}
