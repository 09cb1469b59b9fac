//! The owned twin of a struct that borrows.

use super::{Input, Part, Variant, allowances, bounded};
use crate::place::local;
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{Data, Fields, GenericParam, Generics, Ident, Member, parse_quote};

impl Input<'_> {
    /// `<Name>Key`, and `Argument` that leads to it.
    pub(super) fn twin(&self) -> TokenStream {
        let (krate, name) = (&self.krate, &self.item.ident);
        let variant = &self.variants[0];
        let twin = format_ident!("{}Key", name.unraw(), span = name.span());
        let members: Vec<_> = variant.owned_members().collect();
        let keys: Vec<_> = variant
            .parts
            .iter()
            .map(|part| part.shape.key(krate))
            .collect();

        let bounded = bounded(&self.item.generics, &[parse_quote!(#krate::Key)]);
        let (generics, arguments, bounds) = bounded.split_for_impl();
        let owned = owned_generics(&bounded, &keys);
        let (_, owned_arguments, _) = owned.split_for_impl();

        let definition = self.twin_definition(&twin, &owned, &keys);
        let allowances = allowances();
        let (pattern, lookups) = (variant.pattern("a"), variant.lookups(krate));
        let (key, state) = (local("key"), local("state"));
        quote! {
            #definition

            #allowances
            impl #generics #krate::key::Argument for #name #arguments #bounds {
                type Key = #twin #owned_arguments;

                #[inline]
                fn hash_fields<__H: ::core::hash::Hasher>(&self, #state: &mut __H) {
                    ::core::hash::Hash::hash(self, #state);
                }

                #[inline]
                #[allow(unused_variables)]
                fn is_key(&self, #key: &Self::Key) -> bool {
                    let #pattern = self;
                    true #(&& #krate::key::Lookup::is(&#lookups, &#key.#members))*
                }

                fn to_owned_key(&self) -> Self::Key {
                    let #pattern = self;
                    #twin { #(#members: #krate::key::Lookup::to_key(&#lookups),)* }
                }
            }
        }
    }

    fn twin_definition(
        &self,
        twin: &Ident,
        generics: &Generics,
        keys: &[TokenStream],
    ) -> TokenStream {
        let (name, visibility) = (&self.item.ident, &self.item.vis);
        let variant = &self.variants[0];
        let doc = format!("The owned form of [`{name}`], that is kept as its key.");
        let fields = variant.parts.iter().zip(keys).map(|(part, key)| {
            let (visibility, name) = (part.visibility, part.name());
            quote!(#visibility #name #key)
        });
        let bounds = &generics.where_clause;
        let body = match &self.item.data {
            Data::Struct(data) if matches!(data.fields, Fields::Unnamed(_)) => {
                quote!((#(#fields),*) #bounds;)
            }
            _ => quote!(#bounds { #(#fields),* }),
        };
        quote! {
            #[doc = #doc]
            #[doc(hidden)]
            #[derive(
                ::core::clone::Clone,
                ::core::fmt::Debug,
                ::core::cmp::PartialEq,
                ::core::cmp::Eq,
                ::core::hash::Hash,
            )]
            #[allow(dead_code, clippy::all, clippy::pedantic, clippy::nursery)]
            #visibility struct #twin #generics #body
        }
    }
}

impl Variant<'_> {
    /// The members of the twin: without what is skipped, tuples close up.
    fn owned_members(&self) -> impl Iterator<Item = Member> {
        self.parts
            .iter()
            .enumerate()
            .map(|(at, part)| match &part.member {
                Member::Named(name) => Member::Named(name.clone()),
                Member::Unnamed(_) => Member::from(at),
            })
    }
}

impl Part<'_> {
    /// `name:`, where there is one.
    fn name(&self) -> Option<TokenStream> {
        match &self.member {
            Member::Named(name) => Some(quote!(#name:)),
            Member::Unnamed(_) => None,
        }
    }
}

/// The twin's parameters: without lifetimes, and without what only a skipped
/// field named.
fn owned_generics(generics: &Generics, keys: &[TokenStream]) -> Generics {
    let used = |name: &Ident| keys.iter().any(|key| mentions(key.clone(), name));
    let (kept, dropped): (Vec<_>, Vec<_>) =
        generics
            .params
            .iter()
            .cloned()
            .partition(|parameter| match parameter {
                GenericParam::Lifetime(_) => false,
                GenericParam::Type(parameter) => used(&parameter.ident),
                GenericParam::Const(parameter) => used(&parameter.ident),
            });
    let dropped: Vec<Ident> = dropped
        .into_iter()
        .map(|parameter| match parameter {
            GenericParam::Lifetime(parameter) => parameter.lifetime.ident,
            GenericParam::Type(parameter) => parameter.ident,
            GenericParam::Const(parameter) => parameter.ident,
        })
        .collect();
    let stands = |tokens: TokenStream| !dropped.iter().any(|name| mentions(tokens.clone(), name));

    let mut owned = generics.clone();
    owned.params = kept.into_iter().collect();
    for parameter in owned.type_params_mut() {
        parameter.default = None;
        parameter.bounds = parameter
            .bounds
            .iter()
            .filter(|bound| stands(bound.to_token_stream()))
            .cloned()
            .collect();
    }
    if let Some(bounds) = &mut owned.where_clause {
        bounds.predicates = bounds
            .predicates
            .iter()
            .filter(|predicate| stands(predicate.to_token_stream()))
            .cloned()
            .collect();
    }
    owned
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}
