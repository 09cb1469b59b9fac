//! The constructor that `#[memento]` finds in the block, checked.

use crate::keyform::last_segment;
use crate::lifetimes;
use crate::place::local;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, FnArg, Generics, Ident, ImplItem, ImplItemFn, Item, ItemImpl, Meta, Pat,
    PatType, Result, ReturnType, Token, Type, Visibility, parse_quote,
};

pub(crate) struct Constructor {
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    /// Lifetimes and their bounds; nothing else gets here.
    pub(crate) generics: Generics,
    pub(crate) arguments: Vec<Argument>,
    /// The return type as written.
    pub(crate) output: Type,
    /// Where its arguments are written: what the compiler says of the key
    /// belongs there.
    pub(crate) parentheses: Span,
    /// What the generated functions take over.
    pub(crate) attributes: Vec<Attribute>,
}

pub(crate) struct Argument {
    /// Its name, or a made-up one for a pattern that is not a name.
    pub(crate) name: Ident,
    pub(crate) has_name: bool,
    /// The type as written.
    pub(crate) ty: Type,
    /// The type inside `Memento::Args<'m>`.
    pub(crate) kept: Type,
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
        let arguments = function
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
            arguments,
            output: output(function, this)?,
            parentheses: located(function.sig.paren_token.span.join()),
            attributes: function
                .attrs
                .iter()
                .filter(|attr| passes(&attr.meta))
                .cloned()
                .collect(),
        })
    }

    /// `Memento::Args<'m>`: nothing, the one argument, or a tuple.
    pub(crate) fn arguments_type(&self) -> TokenStream {
        listed(self.arguments.iter().map(|argument| &argument.kept))
    }

    /// The same, as a value.
    pub(crate) fn arguments_value(&self) -> TokenStream {
        listed(self.arguments.iter().map(|argument| &argument.name))
    }

    /// `name: type, ..` as the constructor takes them.
    pub(crate) fn parameters(&self) -> TokenStream {
        let (names, types): (Vec<_>, Vec<_>) = self
            .arguments
            .iter()
            .map(|argument| (&argument.name, &argument.ty))
            .unzip();
        quote!(#(#names: #types),*)
    }
}

fn listed<T: quote::ToTokens>(items: impl ExactSizeIterator<Item = T>) -> TokenStream {
    if items.len() == 1 {
        quote!(#(#items)*)
    } else {
        quote!((#(#items),*))
    }
}

pub(crate) fn functions(block: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    })
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
    if let Some(token) = &signature.asyncness {
        return Err(Error::new(
            token.span(),
            "an `async` constructor cannot be called here: make it a plain `fn`, \
             and await what it needs before",
        ));
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
    let typed: &PatType = match input {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            return Err(Error::new(
                receiver.self_token.span(),
                "a constructor has no instance yet: remove `self`, \
                 or name another function with `with = ..`",
            ));
        }
    };
    let name = match &*typed.pat {
        Pat::Ident(pat) => Some(pat.ident.clone()),
        _ => None,
    };
    Ok(Argument {
        has_name: name.is_some(),
        name: name.unwrap_or_else(|| local(&format!("arg{at}"))),
        ty: (*typed.ty).clone(),
        kept: lifetimes::unified(&typed.ty),
    })
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

/// Attributes that mean the same on a function that calls the constructor.
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

/// A generated name that leads to where the user wrote `origin`.
pub(crate) fn name_at(name: &str, origin: &Ident) -> Ident {
    format_ident!("{name}", span = located(origin.span()))
}

/// Shown there, and still known to the compiler as generated.
fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The arguments that a key can name, for messages.
pub(crate) fn names(arguments: &[Argument]) -> String {
    let names: Vec<_> = arguments
        .iter()
        .filter(|argument| argument.has_name)
        .map(|argument| format!("`{}`", argument.name))
        .collect();
    names.join(", ")
}
