//! The code that `#[memento]` generates: what a user could have written.

use super::check::{Keep, Plan};
use super::constructor::Constructor;
use super::faces;
use crate::arguments::args;
use crate::attributes::{allowances, conditions};
use crate::key::KeyForm;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ItemImpl;

pub(crate) fn generated(block: &ItemImpl, constructor: &Constructor, plan: &Plan) -> TokenStream {
    let implementation = implementation(block, constructor, plan);
    let functions = faces::functions(block, constructor, plan);
    quote!(#implementation #functions)
}

fn implementation(block: &ItemImpl, constructor: &Constructor, plan: &Plan) -> TokenStream {
    let Plan {
        krate,
        key: KeyForm {
            ty: key, lookup, ..
        },
        ..
    } = plan;
    let (generics, _, bounds) = block.generics.split_for_impl();
    let (this, output) = (&block.self_ty, &constructor.output);
    let conditions = conditions(&block.attrs).chain(conditions(&constructor.attributes));
    let allowances = allowances();
    let args_type = constructor.arguments.types();
    let keep = keep(plan);
    let (args, call) = (args(), call(constructor));
    let factory = factory(plan);
    let home = home(block, constructor, plan);
    let construct = match constructor.asyncness {
        Some(_) => quote!(#krate::private::block_on(#call)),
        None => quote!(#call),
    };
    let attributes: Vec<_> = conditions.collect();
    let awaited = constructor.asyncness.map(|_| {
        quote! {
            #(#attributes)*
            #allowances
            impl #generics #krate::MementoAsync<#output> for #this #bounds {
                #[allow(unused_variables)]
                fn construct_async<'a>(#args: Self::Args<'a>) -> #krate::private::Boxed<'a, #output> {
                    ::std::boxed::Box::pin(#call)
                }
            }
        }
    });
    // What the compiler says of these belongs to the arguments.
    let types = quote_spanned! {constructor.arguments.parentheses=>
        type Args<'m> = #args_type;
        type Key = #key;
    };
    let asked =
        quote_spanned!(constructor.arguments.parentheses=> impl #krate::key::Lookup<Self::Key>);
    quote! {
        #(#attributes)*
        #allowances
        impl #generics #krate::Memento<#output> for #this #bounds {
            #types
            const KEEP: #krate::Keep = #keep;

            #[inline]
            fn key(#args: &Self::Args<'_>) -> Self::Key {
                #krate::key::Lookup::to_key(&<Self as #krate::Memento<#output>>::lookup(#args))
            }

            #[inline]
            #[allow(unused_variables)]
            fn lookup<'r, 'a: 'r>(#args: &'r Self::Args<'a>) -> #asked {
                #lookup
            }

            #[allow(unused_variables)]
            fn construct(#args: Self::Args<'_>) -> #output {
                #construct
            }

            #factory
            #home
        }

        #awaited
    }
}

fn keep(Plan { krate, keep, .. }: &Plan) -> TokenStream {
    match keep {
        Keep::Strong => quote!(#krate::Keep::Strong),
        Keep::Weak => quote!(#krate::Keep::Weak),
        Keep::Pinned { capacity } => quote!(#krate::Keep::Pinned { capacity: #capacity }),
        Keep::Static => quote!(#krate::Keep::Static),
    }
}

/// The constructor, called with the parts of `args`.
fn call(constructor: &Constructor) -> TokenStream {
    let (name, parts) = (&constructor.name, constructor.arguments.parts());
    quote!(Self::#name(#parts))
}

fn factory(Plan { krate, factory, .. }: &Plan) -> Option<TokenStream> {
    let factory = factory.as_ref()?;
    Some(quote! {
        fn factory() -> #krate::FactoryId {
            // Borrowed for ever, so that a `const` is refused: each use of one
            // would be another factory.
            let factory: &'static #krate::MementoFactory<_> = &#factory;
            factory.id()
        }
    })
}

/// A partition in a static of the type's own. There is one static for all
/// instances of a generic item, so only a type without parameters can have it.
fn home(block: &ItemImpl, constructor: &Constructor, plan: &Plan) -> Option<TokenStream> {
    if !block.generics.params.is_empty() {
        return None;
    }
    let (krate, this, output) = (&plan.krate, &block.self_ty, &constructor.output);
    // An item inside a function does not know the function's `Self`.
    let inner = crate::block::written_out(output.to_token_stream(), this);
    Some(quote! {
        #[inline]
        fn home() -> ::core::option::Option<&'static #krate::private::Home<Self, #output>> {
            static HOME: #krate::private::Home<#this, #inner> = <#krate::private::Home<#this, #inner>>::new();
            ::core::option::Option::Some(&HOME)
        }
    })
}
