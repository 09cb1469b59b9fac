//! `#[derive(Key)]`: equality field by field, and an owned twin for a struct
//! that borrows.

mod fields;
mod twin;

use crate::keyform::Shape;
use crate::place::{Place, local};
use fields::{container_option, parts};
use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Generics, Ident, Member, Path, Result, TypeParamBound, Visibility,
    parse_quote,
};

pub(crate) fn key(item: TokenStream) -> TokenStream {
    syn::parse2(item)
        .and_then(|input| Input::read(&input).map(|input| input.generated()))
        .unwrap_or_else(Error::into_compile_error)
}

/// What was derived on, checked.
struct Input<'i> {
    krate: Path,
    item: &'i DeriveInput,
    variants: Vec<Variant<'i>>,
}

struct Variant<'i> {
    /// `Self`, or `Self::Name`.
    path: TokenStream,
    parts: Vec<Part<'i>>,
}

/// A field that is identity.
struct Part<'i> {
    member: Member,
    visibility: &'i Visibility,
    shape: Shape,
}

impl<'i> Input<'i> {
    fn read(item: &'i DeriveInput) -> Result<Self> {
        let krate = container_option(&item.attrs)?;
        let variants = match &item.data {
            Data::Struct(data) => vec![Variant {
                path: quote!(Self),
                parts: parts(&data.fields)?,
            }],
            Data::Enum(data) => {
                if let Some(lifetime) = item.generics.lifetimes().next() {
                    return Err(Error::new(
                        lifetime.span(),
                        "an enum that borrows has no owned twin: make it own its data, \
                         or implement `Argument` by hand",
                    ));
                }
                let variants = data.variants.iter().map(|variant| {
                    let name = &variant.ident;
                    Ok(Variant {
                        path: quote!(Self::#name),
                        parts: parts(&variant.fields)?,
                    })
                });
                variants.collect::<Result<_>>()?
            }
            Data::Union(data) => {
                return Err(Error::new(
                    data.union_token.span,
                    "a union does not know its field: use a struct or an enum",
                ));
            }
        };
        Ok(Input {
            krate,
            item,
            variants,
        })
    }

    fn generated(&self) -> TokenStream {
        let equality = self.equality();
        let twin = self.item.generics.lifetimes().next().map(|_| self.twin());
        quote!(#equality #twin)
    }

    fn equality(&self) -> TokenStream {
        let name = &self.item.ident;
        let bounded = bounded(
            &self.item.generics,
            &[
                parse_quote!(::core::cmp::Eq),
                parse_quote!(::core::hash::Hash),
            ],
        );
        let (generics, arguments, bounds) = bounded.split_for_impl();
        let (same, hash) = (self.same(), self.hash());
        let (other, state) = (local("other"), local("state"));
        let allowances = allowances();
        quote! {
            #allowances
            impl #generics ::core::cmp::PartialEq for #name #arguments #bounds {
                #[inline]
                fn eq(&self, #other: &Self) -> bool {
                    // `PartialEq` alone would let a key differ from itself.
                    #[allow(dead_code)]
                    fn __same<T: ?Sized + ::core::cmp::Eq>(one: &T, other: &T) -> bool {
                        one == other
                    }
                    #same
                }
            }

            #allowances
            impl #generics ::core::cmp::Eq for #name #arguments #bounds {}

            #allowances
            impl #generics ::core::hash::Hash for #name #arguments #bounds {
                #[inline]
                fn hash<__H: ::core::hash::Hasher>(&self, #state: &mut __H) { #hash }
            }
        }
    }

    /// The body of `eq`.
    fn same(&self) -> TokenStream {
        if self.variants.is_empty() {
            return quote!(match *self {});
        }
        let other = local("other");
        let arms = self.variants.iter().map(|variant| {
            let (one, two) = (variant.pattern("a"), variant.pattern("b"));
            let same = variant.parts.iter().enumerate().map(|(at, part)| {
                part.shape
                    .same(&self.krate, &binding("a", at), &binding("b", at))
            });
            quote!((#one, #two) => true #(&& #same)*,)
        });
        let differ = (self.variants.len() > 1).then(|| quote!(_ => false,));
        quote!(match (self, #other) { #(#arms)* #differ })
    }

    /// The body of `hash`: as the twin's derived one, field after field.
    fn hash(&self) -> TokenStream {
        if self.variants.is_empty() {
            return quote!(match *self {});
        }
        let state = local("state");
        let arms = self.variants.iter().map(|variant| {
            let pattern = variant.pattern("a");
            let lookups = variant.lookups(&self.krate);
            quote!(#pattern => { #(::core::hash::Hash::hash(&#lookups, #state);)* })
        });
        let variant = matches!(self.item.data, Data::Enum(_))
            .then(|| quote!(::core::hash::Hash::hash(&::core::mem::discriminant(self), #state);));
        quote!(#variant match self { #(#arms)* })
    }
}

impl Variant<'_> {
    /// Binds every part to `a0`, `a1`, ..
    fn pattern(&self, prefix: &str) -> TokenStream {
        let path = &self.path;
        let bindings = self.parts.iter().enumerate().map(|(at, part)| {
            let (member, name) = (&part.member, bound(prefix, at));
            quote!(#member: #name,)
        });
        quote!(#path { #(#bindings)* .. })
    }

    fn lookups(&self, krate: &Path) -> Vec<TokenStream> {
        let parts = self.parts.iter().enumerate();
        parts
            .map(|(at, part)| part.shape.lookup(krate, &binding("a", at)))
            .collect()
    }
}

fn bound(prefix: &str, at: usize) -> Ident {
    local(&format!("{prefix}{at}"))
}

fn binding(prefix: &str, at: usize) -> Place {
    let name = bound(prefix, at);
    Place::behind(quote!(#name))
}

fn allowances() -> TokenStream {
    quote! {
        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
    }
}

/// The parameters with these bounds on every type, as derives do.
fn bounded(generics: &Generics, bounds: &[TypeParamBound]) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.extend(bounds.iter().cloned());
    }
    generics
}
