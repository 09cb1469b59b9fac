//! After an error: the function as it was, and what keeps one mistake one message.
//!
//! Users of the operations would otherwise be told that they do not exist, once
//! for each use.

use super::check::Sharing;
use super::function::{self, Written};
use super::generics::{self, Split};
use super::methods::{Expansion, companions};
use super::operations::{self, Bodies, Parts};
use super::options::Options;
use crate::attributes::{allowances, conditions};
use crate::block::functions;
use crate::lifetimes;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{ItemImpl, Path, ReturnType, Signature, Type};

/// A type with the operations that the real one would have had, or nothing where
/// the function was not understood.
pub(super) fn free(written: &Written, options: &Options) -> TokenStream {
    let signature = &written.signature;
    let Ok(split) = Split::of(&signature.generics) else {
        return TokenStream::new();
    };
    // Inside a block there is no place for a type.
    if function::of_block(signature).is_some() {
        return TokenStream::new();
    }
    let visibility = &written.visibility;
    let (name, output) = (&signature.ident, output(signature));
    let parts = Parts {
        krate: &options.krate,
        sharing: Sharing::of(options),
        visibility,
        of_call: &split.of_call,
        parameters: function::parameters(signature),
        arguments: TokenStream::new(),
        output: output.clone(),
        asyncness: signature.asyncness,
        bodies: Bodies::Stubs,
    };
    let functions = operations::functions(&parts);
    let (generics, of_type, bounds) = split.of_type.split_for_impl();
    let (of_call, call_bounds) = (&split.of_call, &split.of_call.where_clause);
    let declared = generics::declared(name, &split.of_type, None);
    let parameters = &parts.parameters;
    let written_conditions: Vec<_> = conditions(&written.attributes).collect();
    let allowances = allowances();
    let never = operations::never();
    let asyncness = signature.asyncness;
    quote! {
        #(#written_conditions)*
        #[allow(non_camel_case_types, dead_code)]
        #[doc(hidden)]
        #visibility #declared

        #(#written_conditions)*
        #allowances
        #[allow(unused_variables)]
        impl #generics #name #of_type #bounds {
            #functions

            #[doc(hidden)]
            #visibility #asyncness fn uncached #of_call (#parameters) -> #output #call_bounds {
                #never
            }
        }
    }
}

/// What the function returns, if that can be named.
fn output(signature: &Signature) -> TokenStream {
    match &signature.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, output) if matches!(**output, Type::Never(_)) => quote!(()),
        ReturnType::Type(_, output) if lifetimes::impl_trait_in(output).is_some() => quote!(()),
        ReturnType::Type(_, output) => output.to_token_stream(),
    }
}

/// A handle whose operations take anything.
pub(super) fn method(
    block: &ItemImpl,
    written: &Written,
    subject: &Ident,
    options: &Options,
) -> Expansion {
    let Written {
        visibility,
        signature,
        attributes,
        ..
    } = written;
    let [memo, body] = companions(&signature.ident);
    // A name that is taken would be reported a second time.
    if functions(block).any(|other| other.sig.ident == memo || other.sig.ident == body) {
        return Expansion::default();
    }
    let body = Signature {
        ident: body,
        ..signature.clone()
    };
    let conditions: Vec<_> = conditions(attributes).collect();
    let operations = anything(&options.krate);
    let never = operations::never();
    let body = lifetimes::impl_trait_of(signature).is_none().then(|| {
        quote! {
            #(#conditions)*
            #[doc(hidden)]
            #[allow(dead_code, unused_variables, unused_mut)]
            #visibility #body {
                #never
            }
        }
    });
    Expansion {
        inside: quote! {
            #(#conditions)*
            #[doc(hidden)]
            #[allow(dead_code)]
            #visibility fn #memo() -> #subject {
                #never
            }

            #body
        },
        beside: quote! {
            #(#conditions)*
            #[doc(hidden)]
            #[allow(non_camel_case_types, dead_code)]
            #visibility struct #subject;

            #(#conditions)*
            #[allow(dead_code, unused_variables)]
            impl #subject {
                #operations
            }
        },
    }
}

fn anything(krate: &Path) -> TokenStream {
    let done = quote!(::core::result::Result<::core::primitive::bool, #krate::MemoError>);
    let duration = quote!(::core::time::Duration);
    let never = operations::never();
    let of_one = [
        ("exists", quote!(::core::primitive::bool)),
        ("ttl", quote!(::core::option::Option<#duration>)),
        ("key", quote!(::std::string::String)),
        ("delete", done.clone()),
    ];
    let of_one = of_one.iter().map(|(name, output)| {
        let name = format_ident!("{name}");
        quote!(pub fn #name<A>(&self, args: A) -> #output { #never })
    });
    quote! {
        #(#of_one)*
        pub fn expire<A>(&self, age: #duration, args: A) -> #done { #never }
        pub fn clear(&self) -> ::core::result::Result<(), #krate::MemoError> {
            #never
        }
    }
}
