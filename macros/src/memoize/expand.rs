//! The implementation of `Memoized`, for functions and methods alike: what a
//! user could have written.

use super::check::{Plan, Sharing};
use super::function::Function;
use super::generics;
use crate::arguments::args;
use crate::attributes::{allowances, located};
use crate::key::{self, KeyForm};
use crate::place::local;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Generics, Ident, Path, Type, Visibility, parse_quote};

/// The type that stands for the function.
pub(super) struct Subject<'s> {
    pub(super) name: &'s Ident,
    /// What its declaration and its implementations are subject to.
    pub(super) conditions: Vec<&'s Attribute>,
    /// How to call the function's body.
    pub(super) body: TokenStream,
}

/// `struct adder { .. }`, after these attributes.
pub(super) fn declaration(
    attributes: &TokenStream,
    visibility: &Visibility,
    name: &Ident,
    function: &Function,
    plan: &Plan,
) -> TokenStream {
    let (arguments, output) = (
        function
            .arguments
            .list
            .iter()
            .map(|argument| &argument.kept),
        &function.output,
    );
    let key = &plan.key.ty;
    let types = match visibility {
        Visibility::Inherited => None,
        _ => Some(quote!((for<'m> fn(#(#arguments),*) -> #output, #key))),
    };
    let declared = generics::declared(name, &function.generics.of_type, types);
    quote! {
        #attributes
        #[allow(non_camel_case_types, dead_code)]
        #visibility #declared
    }
}

pub(super) fn implementation(
    subject: &Subject<'_>,
    function: &Function,
    plan: &Plan,
) -> TokenStream {
    let Plan {
        krate,
        key: KeyForm {
            ty: key, lookup, ..
        },
        name: text,
        ..
    } = plan;
    let Subject {
        name,
        conditions,
        body,
    } = subject;
    let (generics, arguments, bounds) = function.generics.of_type.split_for_impl();
    let allowances = allowances();
    let (args, parts) = (args(), function.arguments.parts());
    let (args_type, output) = (function.arguments.types(), &function.output);
    // What the compiler says of these belongs to the arguments.
    let parentheses = function.arguments.parentheses;
    let types = quote_spanned! {parentheses=>
        type Args<'m> = #args_type;
        type Key = #key;
    };
    let asked = quote_spanned!(parentheses=> impl #krate::key::Lookup<Self::Key>);
    let probes = probes(krate, function);
    let asyncness = function.asyncness;
    let run = match asyncness {
        Some(_) => quote!(#krate::private::block_on(#body(#parts))),
        None => quote!(#body(#parts)),
    };
    let run_from_key = run_from_key(plan);
    let run_async = asyncness.map(|_| {
        quote! {
            #(#conditions)*
            #allowances
            impl #generics #krate::MemoizedAsync for #name #arguments #bounds {
                #[allow(unused_variables)]
                fn run_async<'a>(#args: Self::Args<'a>) -> #krate::private::Boxed<'a, Self::Output> {
                    ::std::boxed::Box::pin(#body(#parts))
                }

                #run_from_key
            }
        }
    });
    let (said, home) = (said(plan), home(subject, function, plan));
    let from_key = from_key(plan);
    quote! {
        #(#conditions)*
        #allowances
        impl #generics #krate::Memoized for #name #arguments #bounds {
            #types
            type Output = #output;
            const NAME: &'static str = #text;

            #[inline]
            #[allow(unused_variables)]
            fn lookup<'r, 'a: 'r>(#args: &'r Self::Args<'a>) -> #asked {
                #lookup
            }

            #[allow(unused_variables)]
            fn run(#args: Self::Args<'_>) -> Self::Output {
                #run
            }

            #from_key
            #probes
            #said
            #home
        }

        #run_async
    }
}

/// How the function is run from its key, where that holds all arguments.
fn from_key(plan: &Plan) -> Option<TokenStream> {
    if plan.sharing == Sharing::Local {
        return None;
    }
    let arguments = plan.key.arguments.as_ref()?;
    let (key, run) = (key::key(), local("run"));
    Some(quote! {
        const FROM_KEY: ::core::primitive::bool = true;

        #[allow(unused_variables)]
        fn from_key<__Answer>(
            #key: &Self::Key,
            #run: impl for<'m> ::core::ops::FnOnce(Self::Args<'m>) -> __Answer,
        ) -> ::core::option::Option<__Answer> {
            ::core::option::Option::Some(#run(#arguments))
        }
    })
}

/// The same, for a function that is awaited.
fn run_from_key(plan: &Plan) -> Option<TokenStream> {
    let (krate, key) = (&plan.krate, key::key());
    let arguments = plan.key.arguments.as_ref()?;
    Some(quote! {
        #[allow(unused_variables)]
        fn run_from_key<'k>(
            #key: &'k Self::Key,
        ) -> ::core::option::Option<#krate::private::Boxed<'k, Self::Output>> {
            ::core::option::Option::Some(Self::run_async(#arguments))
        }
    })
}

/// What the type of the output can do.
fn probes(krate: &Path, function: &Function) -> TokenStream {
    // What the compiler says of these belongs to the output's type.
    let span = located(function.output.span());
    let output = Ident::new("output", span.resolved_at(Span::mixed_site()));
    let coding = coding(krate, &function.output);
    quote_spanned! {span=>
        #[inline]
        fn copy(#output: &Self::Output) -> ::core::option::Option<Self::Output> {
            use #krate::private::probe::*;
            (&&&&Probe::<Self::Output>::new()).copy(#output)
        }

        #[inline]
        fn answer(#output: &Self::Output) -> #krate::Answer {
            use #krate::private::probe::*;
            (&&&&Probe::<Self::Output>::new()).answer(#output)
        }

        #coding
    }
}

/// How the output becomes bytes, if there is a way. What borrows for ever cannot be
/// read from bytes; the compiler, asked for it, would refuse rather than say no.
fn coding(krate: &Path, output: &Type) -> Option<TokenStream> {
    let span = located(output.span());
    (!borrows(output.to_token_stream())).then(|| {
        quote_spanned! {span=>
            fn coding() -> ::core::option::Option<#krate::Coding<Self::Output>> {
                use #krate::private::probe::*;
                (&&&&Probe::<Self::Output>::new()).coding()
            }
        }
    })
}

/// A store, and the question to the compiler whether it can keep outputs of this type:
/// an error with the remedy, if it is seen by its type to keep bytes, and there is no
/// way to make bytes of them.
pub(super) fn checked(krate: &Path, output: &Type, store: &Expr) -> TokenStream {
    // What the compiler says of this belongs to the output's type.
    let span = located(output.span());
    let results = match borrows(output.to_token_stream()) {
        true => quote!(Borrowing<Self::Output>),
        false => quote!(Self::Output),
    };
    let named = local("store");
    let ask = quote_spanned! {span=>
        (&&&&Keeping::<#results, _>::by(&#named)).check();
    };
    quote! {{
        let #named = #store;
        {
            use #krate::private::probe::*;
            #ask
        }
        #named
    }}
}

/// Whether a lifetime or a reference is written in the type.
fn borrows(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\''),
        TokenTree::Group(group) => borrows(group.stream()),
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    })
}

/// The methods that answer with what the options say, where they say something.
fn said(plan: &Plan) -> TokenStream {
    let Plan {
        krate,
        options,
        rules,
        ..
    } = plan;
    let options = (!options.is_empty()).then(|| {
        quote! {
            fn options() -> #krate::Options {
                <#krate::Options>::new() #options
            }
        }
    });
    let rules = (!rules.is_empty()).then(|| {
        quote! {
            #[allow(unused_variables)]
            fn rules() -> #krate::Rules<Self> {
                <#krate::Rules<Self>>::new() #rules
            }
        }
    });
    let capacity = plan.capacity.as_ref().map(|capacity| {
        quote! {
            fn capacity() -> ::core::option::Option<::core::primitive::usize> {
                ::core::option::Option::Some(#capacity)
            }
        }
    });
    let memo = plan.memo.as_ref().map(|memo| {
        quote! {
            #[inline]
            fn memoizer() -> &'static #krate::Memoizer {
                &#memo
            }
        }
    });
    quote!(#options #rules #capacity #memo)
}

/// A table in a static of the function's own. There is one static for all
/// instances of a generic item, so only a type without parameters can have it.
fn home(subject: &Subject<'_>, function: &Function, plan: &Plan) -> Option<TokenStream> {
    if !function.generics.of_type.params.is_empty() {
        return None;
    }
    let (krate, name) = (&plan.krate, subject.name);
    Some(match plan.sharing {
        Sharing::Shared => quote! {
            #[inline]
            fn home() -> ::core::option::Option<&'static #krate::private::FunctionHome<Self>> {
                static HOME: #krate::private::FunctionHome<#name> =
                    <#krate::private::FunctionHome<#name>>::new();
                ::core::option::Option::Some(&HOME)
            }
        },
        Sharing::Local => quote! {
            #[inline]
            fn local_home() -> ::core::option::Option<
                &'static ::std::thread::LocalKey<#krate::private::LocalHome<Self>>,
            > {
                ::std::thread_local! {
                    static HOME: #krate::private::LocalHome<#name> =
                        const { <#krate::private::LocalHome<#name>>::new() };
                }
                ::core::option::Option::Some(&HOME)
            }
        },
    })
}

/// The type of the handle on the function.
pub(super) fn handle(krate: &Path, sharing: Sharing, subject: &TokenStream) -> TokenStream {
    match sharing {
        Sharing::Shared => quote!(#krate::Function<#subject>),
        Sharing::Local => quote!(#krate::LocalFunction<#subject>),
    }
}

/// A call, by the shortest way.
pub(super) fn call(plan: &Plan, function: &Function, subject: &TokenStream) -> TokenStream {
    let (krate, args) = (&plan.krate, function.arguments.values());
    if function.asyncness.is_some() {
        return quote!(#krate::private::call_async::<#subject>(#args).await);
    }
    match plan.sharing {
        Sharing::Shared => quote!(<#subject as #krate::Memoized>::call(#args)),
        Sharing::Local => quote!(<#subject as #krate::Memoized>::call_locally(#args)),
    }
}

/// The parameters of the operations, with what a handle on shared results asks
/// for: the body of each operation would be an error otherwise.
pub(super) fn bounds(function: &Function, plan: &Plan) -> Generics {
    let mut generics = function.generics.of_type.clone();
    if plan.sharing == Sharing::Shared {
        let (krate, key, output) = (&plan.krate, &plan.key.ty, &function.output);
        let predicates = &mut generics.make_where_clause().predicates;
        predicates.push(parse_quote!(#key: #krate::Key));
        predicates.push(parse_quote!(#output: ::core::marker::Send + ::core::marker::Sync));
    }
    generics
}
