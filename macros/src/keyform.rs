//! From the type of an argument, as written, to its form as a key.
//!
//! A [`Shape`] is read off the type once. It answers what is kept ([`key`]),
//! what a caller asks with ([`lookup`]), and whether two values are the same
//! ([`same`]).
//!
//! [`key`]: Shape::key
//! [`lookup`]: Shape::lookup
//! [`same`]: Shape::same

use crate::keyoption::Canonical;
use crate::lifetimes;
use crate::place::{Place, Pointer, local};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, GenericArgument, Path, PathArguments, Result, Type, TypePath};

/// How a type is compared.
pub(crate) enum Shape {
    /// By its own `Eq`.
    Plain(Type),
    /// What a reference or a `Cow` leads to.
    Behind(Pointer, Box<Shape>),
    /// Element by element: some element is not plain.
    Tuple(Vec<Shape>),
    /// The value inside is not plain.
    Option(Box<Shape>),
    /// A float, or what was said to be one.
    Total(Type),
    /// A vector, slice or array of these floats.
    Totals(Type),
    /// A map or a set.
    Content(Type),
    /// An `Arc`, by address.
    Address(Type),
    /// A struct that borrows, and implements `Argument`.
    Argument(Type),
}

impl Shape {
    /// Reads the shape of a type whose lifetimes are written out.
    ///
    /// An error says what is wrong; the caller knows the remedy.
    pub(crate) fn of(ty: &Type, canonical: Canonical) -> Result<Self> {
        match ty {
            Type::Paren(paren) => Shape::of(&paren.elem, canonical),
            Type::Group(group) => Shape::of(&group.elem, canonical),
            Type::Reference(reference) => match reference.mutability {
                Some(mutability) => Err(Error::new(
                    mutability.span,
                    "a `&mut` cannot be part of a key",
                )),
                None => Shape::behind(Pointer::Reference, &reference.elem, canonical),
            },
            Type::Path(path) => Shape::of_path(path, ty, canonical),
            Type::Slice(slice) if is_float(&slice.elem) => Ok(Shape::Totals((*slice.elem).clone())),
            Type::Array(array) if is_float(&array.elem) => Ok(Shape::Totals((*array.elem).clone())),
            _ if canonical != Canonical::ByType => Shape::asked_for(ty, canonical),
            Type::Tuple(tuple) => {
                let shapes: Vec<_> = tuple
                    .elems
                    .iter()
                    .map(|elem| Shape::of(elem, canonical))
                    .collect::<Result<_>>()?;
                Shape::structured(ty, shapes.iter().all(Shape::is_plain), Shape::Tuple(shapes))
            }
            _ => Shape::plain(ty),
        }
    }

    fn of_path(path: &TypePath, ty: &Type, canonical: Canonical) -> Result<Self> {
        let (name, arguments) = last_segment(path);
        match (name.as_str(), arguments.as_slice()) {
            ("Option", [inner]) => {
                let inner = Shape::of(inner, canonical)?;
                Shape::structured(ty, inner.is_plain(), Shape::Option(Box::new(inner)))
            }
            ("Cow", [inner]) => Shape::behind(Pointer::Cow, inner, canonical),
            ("Vec", [elem]) if is_float(elem) => Ok(Shape::Totals((*elem).clone())),
            _ if canonical != Canonical::ByType => Shape::asked_for(ty, canonical),
            ("HashMap" | "HashSet", [_, ..]) => owned(ty).map(Shape::Content),
            _ if is_float(ty) => Ok(Shape::Total(ty.clone())),
            _ if names_a_borrow(path) => Ok(Shape::Argument(lifetimes::owned(ty))),
            _ => Shape::plain(ty),
        }
    }

    fn behind(pointer: Pointer, target: &Type, canonical: Canonical) -> Result<Self> {
        let target = Shape::of(target, canonical)?;
        Ok(Shape::Behind(pointer, Box::new(target)))
    }

    /// A tuple or an `Option` of plain things is plain itself.
    fn structured(ty: &Type, plain: bool, otherwise: Shape) -> Result<Self> {
        if plain {
            Shape::plain(ty)
        } else {
            Ok(otherwise)
        }
    }

    fn plain(ty: &Type) -> Result<Self> {
        owned(ty).map(Shape::Plain)
    }

    fn asked_for(ty: &Type, canonical: Canonical) -> Result<Self> {
        let ty = owned(ty)?;
        Ok(match canonical {
            Canonical::ByType => Shape::Plain(ty),
            Canonical::Total => Shape::Total(ty),
            Canonical::Content => Shape::Content(ty),
            Canonical::Address => Shape::Address(ty),
        })
    }

    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Shape::Plain(_))
    }

    /// The type that is kept.
    pub(crate) fn key(&self, krate: &Path) -> TokenStream {
        match self {
            Shape::Plain(ty) => quote!(#ty),
            Shape::Behind(_, target) => match &**target {
                Shape::Plain(ty) => quote!(<#ty as ::std::borrow::ToOwned>::Owned),
                target => target.key(krate),
            },
            Shape::Tuple(shapes) => {
                let keys = shapes.iter().map(|shape| shape.key(krate));
                quote!((#(#keys,)*))
            }
            Shape::Option(inner) => {
                let key = inner.key(krate);
                quote!(::core::option::Option<#key>)
            }
            Shape::Total(ty) => quote!(#krate::key::Total<#ty>),
            Shape::Totals(elem) => quote!(#krate::key::Total<::std::vec::Vec<#elem>>),
            Shape::Content(ty) => quote!(#krate::key::Content<#ty>),
            Shape::Address(ty) => quote!(#krate::key::Address<#ty>),
            Shape::Argument(ty) => quote!(<#ty as #krate::key::Argument>::Key),
        }
    }

    /// What stands for the key of the value at `place`, without owning it.
    pub(crate) fn lookup(&self, krate: &Path, place: &Place) -> TokenStream {
        let borrow = place.borrow();
        match self {
            Shape::Plain(_) => borrow,
            Shape::Behind(pointer, target) => target.lookup(krate, &place.target(*pointer)),
            Shape::Tuple(shapes) => {
                let lookups = shapes
                    .iter()
                    .enumerate()
                    .map(|(at, shape)| shape.lookup(krate, &place.member(at)));
                quote!((#(#lookups,)*))
            }
            Shape::Option(inner) => {
                let some = local("some");
                let lookup = inner.lookup(krate, &Place::behind(quote!(#some)));
                quote!(::core::option::Option::map(
                    ::core::option::Option::as_ref(#borrow),
                    |#some| #lookup
                ))
            }
            Shape::Total(ty) if is_float(ty) => {
                let copy = place.value();
                quote!(#krate::key::Total(#copy))
            }
            Shape::Total(_) => quote!(#krate::key::Total(#borrow)),
            Shape::Totals(_) => {
                let floats = place.floats();
                quote!(#krate::key::Total(&#floats))
            }
            Shape::Content(_) => quote!(#krate::key::Content(#borrow)),
            Shape::Address(_) => quote!(#krate::key::Address(#borrow)),
            Shape::Argument(_) => quote!(#krate::key::ByFields(#borrow)),
        }
    }

    /// The argument, made anew from its key at `place`. Nothing, where that cannot be
    /// done by an expression that borrows the key and no more.
    pub(crate) fn argument(&self, place: &Place) -> Option<TokenStream> {
        let borrow = place.borrow();
        Some(match self {
            Shape::Plain(_) => quote!(::core::clone::Clone::clone(#borrow)),
            Shape::Behind(pointer, target) => match (pointer, &**target) {
                (Pointer::Reference, Shape::Plain(ty)) => borrowed(ty, &borrow),
                (Pointer::Cow, Shape::Plain(ty)) => {
                    let borrowed = borrowed(ty, &borrow);
                    quote!(::std::borrow::Cow::Borrowed(#borrowed))
                }
                (Pointer::Reference, Shape::Total(_) | Shape::Content(_) | Shape::Address(_)) => {
                    place.member(0).borrow()
                }
                _ => return None,
            },
            Shape::Tuple(shapes) => {
                let each = shapes.iter().enumerate();
                let each = each.map(|(at, shape)| shape.argument(&place.member(at)));
                let each = each.collect::<Option<Vec<_>>>()?;
                quote!((#(#each,)*))
            }
            Shape::Option(inner) => {
                let some = local("some");
                let inner = inner.argument(&Place::behind(quote!(#some)))?;
                quote!(::core::option::Option::map(
                    ::core::option::Option::as_ref(#borrow),
                    |#some| #inner
                ))
            }
            Shape::Total(_) | Shape::Content(_) | Shape::Address(_) => {
                let inner = place.member(0).borrow();
                quote!(::core::clone::Clone::clone(#inner))
            }
            Shape::Totals(_) | Shape::Argument(_) => return None,
        })
    }

    /// Whether the values at two places are the same key, where `__same` compares
    /// two references by `Eq`.
    pub(crate) fn same(&self, krate: &Path, one: &Place, other: &Place) -> TokenStream {
        let (a, b) = (one.borrow(), other.borrow());
        match self {
            Shape::Plain(_) | Shape::Argument(_) => quote!(__same(#a, #b)),
            Shape::Behind(pointer, target) => {
                target.same(krate, &one.target(*pointer), &other.target(*pointer))
            }
            Shape::Tuple(shapes) => {
                let each = shapes
                    .iter()
                    .enumerate()
                    .map(|(at, shape)| shape.same(krate, &one.member(at), &other.member(at)));
                quote!((#(#each)&&*))
            }
            Shape::Option(inner) => {
                let (x, y) = (local("x"), local("y"));
                let same = inner.same(
                    krate,
                    &Place::behind(quote!(#x)),
                    &Place::behind(quote!(#y)),
                );
                quote!(match (#a, #b) {
                    (::core::option::Option::Some(#x), ::core::option::Option::Some(#y)) => #same,
                    (::core::option::Option::None, ::core::option::Option::None) => true,
                    _ => false,
                })
            }
            Shape::Total(_) => {
                let (a, b) = (one.value(), other.value());
                quote!((#krate::key::Total(#a) == #krate::key::Total(#b)))
            }
            Shape::Totals(_) => {
                let (a, b) = (one.floats(), other.floats());
                quote!(::core::iter::Iterator::eq(
                    #a.iter().copied().map(#krate::key::Total),
                    #b.iter().copied().map(#krate::key::Total),
                ))
            }
            Shape::Content(_) => quote!((#krate::key::Content(#a) == #krate::key::Content(#b))),
            // By the thin address, as `Address` hashes: one `Arc<dyn Trait>` can
            // have two vtables.
            Shape::Address(_) => quote!(::core::ptr::addr_eq(
                ::std::sync::Arc::as_ptr(#a),
                ::std::sync::Arc::as_ptr(#b),
            )),
        }
    }
}

/// The borrow that an owned form was made of.
fn borrowed(ty: &Type, owned: &TokenStream) -> TokenStream {
    quote! {
        <<#ty as ::std::borrow::ToOwned>::Owned as ::core::borrow::Borrow<#ty>>::borrow(#owned)
    }
}

fn owned(ty: &Type) -> Result<Type> {
    match lifetimes::borrowed(ty) {
        None => Ok(ty.clone()),
        Some(borrow) => Err(Error::new(
            borrow.span(),
            "a borrow in here has no owned form that could be kept",
        )),
    }
}

/// The last name of a path, with its type arguments.
pub(crate) fn last_segment(path: &TypePath) -> (String, Vec<&Type>) {
    let Some(segment) = path.path.segments.last() else {
        return (String::new(), Vec::new());
    };
    let types = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    (segment.ident.to_string(), types)
}

fn is_float(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.is_ident("f32") || path.path.is_ident("f64"),
        Type::Paren(paren) => is_float(&paren.elem),
        Type::Group(group) => is_float(&group.elem),
        _ => false,
    }
}

/// Whether the type itself takes a lifetime that is not `'static`: `Foo<'_>`.
fn names_a_borrow(path: &TypePath) -> bool {
    path.path.segments.last().is_some_and(|segment| {
        match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().any(|argument| {
            matches!(argument, GenericArgument::Lifetime(lifetime) if lifetime.ident != "static")
        }),
        _ => false,
    }
    })
}
