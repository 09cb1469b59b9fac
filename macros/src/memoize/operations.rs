//! The operations of a memoized function, `adder::exists(1, 2)` and so on: its
//! own arguments, handed to its handle.

use super::check::Sharing;
use super::expand;
use crate::place::local;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Generics, Path, Token, Visibility};

/// The body of what stands beside an error. It is there for its signature, and
/// never runs: the program does not compile.
pub(super) fn never() -> TokenStream {
    quote!(::core::unreachable!(
        "the error above keeps this from being compiled"
    ))
}

/// What operations are made of.
pub(super) struct Parts<'p> {
    pub(super) krate: &'p Path,
    pub(super) sharing: Sharing,
    pub(super) visibility: &'p Visibility,
    /// The lifetimes of a call.
    pub(super) of_call: &'p Generics,
    /// `a: u32, b: u32`
    pub(super) parameters: TokenStream,
    /// `(a, b)`
    pub(super) arguments: TokenStream,
    /// What the function returns.
    pub(super) output: TokenStream,
    /// What says that the function is to be awaited.
    pub(super) asyncness: Option<Token![async]>,
    pub(super) bodies: Bodies,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bodies {
    /// They ask the function's handle.
    Real,
    /// They are there to be named, after an error.
    Stubs,
}

/// One operation.
struct Operation {
    name: &'static str,
    summary: &'static str,
    /// When it fails, and when it panics.
    sections: String,
    /// A type parameter of its own.
    generics: TokenStream,
    /// What it takes before the function's arguments.
    extra: Vec<(Ident, TokenStream)>,
    takes: Takes,
    /// It runs the function, and so is to be awaited where that is.
    runs: bool,
    output: TokenStream,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// The function's arguments.
    Arguments,
    /// Nothing of the function's.
    Nothing,
    /// Nothing; it replaces the rule of its name.
    Rule,
}

const STORE_FAILS: &str = "If the store fails, or the options name a region that there is not.";
const NO_REGION: &str = "If the options name a region that there is not.";
const FUNCTION_PANICS: &str = "If the function panics, and this caller leads the build.";
const BUILD_FAILS: &str = "What kept the function from running: a circle of builds, the failure of \
                           a build that somebody else led, a lock that was not acquired, \
                           an unknown region.";

/// The operations, for an inherent block of the function's type.
pub(super) fn functions(parts: &Parts<'_>) -> TokenStream {
    let mut operations = about_one_call(parts);
    operations.extend(about_all(parts));
    if parts.bodies == Bodies::Real {
        operations.extend(about_rules(parts));
    }
    operations.extend(parts.asyncness.map(|_| blocking(parts)));
    // What only results that are shared have.
    let is_there = |operation: &&Operation| {
        parts.sharing == Sharing::Shared || !matches!(operation.name, "detailed" | "stale_for_by")
    };
    let operations = operations.iter().filter(is_there);
    let functions = operations.map(|operation| operation.function(parts));
    let handle = (parts.bodies == Bodies::Real).then(|| handle(parts));
    quote!(#(#functions)* #handle)
}

fn operation(name: &'static str, summary: &'static str, output: TokenStream) -> Operation {
    Operation {
        name,
        summary,
        sections: String::new(),
        generics: TokenStream::new(),
        extra: Vec::new(),
        takes: Takes::Arguments,
        runs: false,
        output,
    }
}

/// Those that take the function's arguments.
fn about_one_call(parts: &Parts<'_>) -> Vec<Operation> {
    let (krate, output) = (parts.krate, &parts.output);
    let built = quote! {
        ::core::result::Result<#output, #krate::BuildError<::core::convert::Infallible>>
    };
    let detailed = quote! {
        ::core::result::Result<
            #krate::Detailed<#output>,
            #krate::BuildError<::core::convert::Infallible>,
        >
    };
    let done = quote!(::core::result::Result<::core::primitive::bool, #krate::MemoError>);
    let duration = quote!(::core::time::Duration);
    let maybe = |ty: TokenStream| quote!(::core::option::Option<#ty>);
    let options = quote!(impl ::core::borrow::Borrow<#krate::Options>);
    vec![
        operation(
            "exists",
            "Whether a result is kept for these arguments, and fresh.",
            quote!(::core::primitive::bool),
        )
        .panics(NO_REGION),
        operation(
            "ttl",
            "How long the result for these arguments is still kept; nothing if there is none, or no end.",
            maybe(duration.clone()),
        )
        .panics(NO_REGION),
        operation(
            "entry",
            "What is kept for these arguments, and what is known about it.",
            maybe(quote!(#krate::Entry<#output>)),
        )
        .panics(NO_REGION),
        operation(
            "last_etag",
            "The etag of the result that is kept for these arguments.",
            maybe(quote!(#krate::Etag)),
        )
        .panics(NO_REGION),
        operation(
            "key",
            "The key of a call with these arguments, as text.",
            quote!(::std::string::String),
        ),
        operation(
            "get",
            "The result for these arguments, with options for this call alone.",
            built.clone(),
        )
        .fails(BUILD_FAILS)
        .panics(FUNCTION_PANICS)
        .runs()
        .with("options", options.clone()),
        operation(
            "detailed",
            "The same, and how the answer came about.",
            detailed,
        )
        .fails(BUILD_FAILS)
        .panics(FUNCTION_PANICS)
        .runs()
        .with("options", options),
        operation(
            "refresh",
            "Builds the result for these arguments now, and replaces what is kept.",
            built,
        )
        .fails(BUILD_FAILS)
        .panics(FUNCTION_PANICS)
        .runs(),
        operation(
            "expire",
            "Ends the time of the result for these arguments, this long from now. Whether there was one.",
            done.clone(),
        )
        .fails(STORE_FAILS)
        .with("age", duration),
        operation(
            "expire_at",
            "Ends the time of the result for these arguments at that time. Whether there was one.",
            done.clone(),
        )
        .fails(STORE_FAILS)
        .with("time", quote!(::std::time::SystemTime)),
        operation(
            "delete",
            "Deletes the result for these arguments. Whether there was one.",
            done,
        )
        .fails(STORE_FAILS),
    ]
}

/// What a caller that blocks asks of a function that is to be awaited.
fn blocking(parts: &Parts<'_>) -> Operation {
    operation(
        "blocking",
        "The result for these arguments, for a caller that blocks. The function, if it is run, \
         is driven on this thread: what it awaits must not need this thread for anything else. \
         In the background, a thread of the memoizer's pool drives it.",
        parts.output.clone(),
    )
    .panics(FUNCTION_PANICS)
}

/// Those that concern the function as a whole.
fn about_all(parts: &Parts<'_>) -> Vec<Operation> {
    let krate = parts.krate;
    let of_all = |name, summary, output| Operation {
        takes: Takes::Nothing,
        ..operation(name, summary, output)
    };
    vec![
        of_all(
            "clear",
            "Deletes all results of this function.",
            quote!(::core::result::Result<(), #krate::MemoError>),
        )
        .fails(STORE_FAILS),
        of_all(
            "stats",
            "How often this function was asked, and what came of it.",
            quote!(#krate::Stats),
        ),
        of_all(
            "options",
            "The options of this function, as declared or as set since.",
            quote!(#krate::Options),
        ),
        of_all(
            "set_options",
            "Replaces the options of this function.",
            quote!(()),
        )
        .with("options", quote!(#krate::Options)),
    ]
}

/// Those that replace a rule.
fn about_rules(parts: &Parts<'_>) -> Vec<Operation> {
    let krate = parts.krate;
    let rule = |name, summary, bound: TokenStream| {
        Operation {
            takes: Takes::Rule,
            generics: quote!(<__Answer: #bound>),
            ..operation(name, summary, quote!(()))
        }
        .with(
            "rule",
            quote! {
                impl for<'m> ::core::ops::Fn(&<Self as #krate::Memoized>::Args<'m>) -> __Answer
                    + ::core::marker::Send + ::core::marker::Sync + 'static
            },
        )
    };
    let maybe = |ty| quote!(::core::convert::Into<::core::option::Option<#ty>>);
    vec![
        rule(
            "etag_by",
            "Makes the etag a function of the arguments, given as one value or a tuple.",
            quote!(#krate::IntoEtag),
        ),
        rule(
            "tags_by",
            "Makes the tags a function of the arguments, given as one value or a tuple.",
            quote! {
                ::core::iter::IntoIterator<
                    Item: ::core::convert::Into<#krate::private::Arc<::core::primitive::str>>
                >
            },
        ),
        rule(
            "max_age_by",
            "Makes the age a function of the arguments, given as one value or a tuple.",
            maybe(quote!(::core::time::Duration)),
        ),
        rule(
            "expiry_by",
            "Makes the expiry a function of the arguments, given as one value or a tuple.",
            maybe(quote!(::std::time::SystemTime)),
        ),
        rule(
            "stale_for_by",
            "Makes the stale period a function of the arguments, given as one value or a tuple.",
            maybe(quote!(::core::time::Duration)),
        ),
    ]
}

impl Operation {
    fn fails(mut self, when: &str) -> Self {
        self.sections += &format!("\n# Errors\n\n{when}\n");
        self
    }

    fn panics(mut self, when: &str) -> Self {
        self.sections += &format!("\n# Panics\n\n{when}\n");
        self
    }

    fn runs(mut self) -> Self {
        self.runs = true;
        self
    }

    fn with(mut self, name: &str, ty: TokenStream) -> Self {
        self.extra.push((local(name), ty));
        self
    }

    fn function(&self, parts: &Parts<'_>) -> TokenStream {
        let (summary, output) = (self.summary, &self.output);
        let sections = (!self.sections.is_empty()).then(|| {
            let text = self.sections.trim_end();
            quote!(#[doc = #text])
        });
        let name = format_ident!("{}", self.name);
        let visibility = parts.visibility;
        let (extra, types): (Vec<_>, Vec<_>) = self.extra.iter().cloned().unzip();
        let own = &self.generics;
        let asyncness = parts.asyncness.filter(|_| self.runs);
        let (of_call, bounds, parameters) = match self.takes {
            Takes::Arguments => (
                Some(parts.of_call),
                &parts.of_call.where_clause,
                Some(&parts.parameters),
            ),
            Takes::Nothing | Takes::Rule => (None, &None, None),
        };
        let body = match (parts.bodies, self.takes) {
            (Bodies::Stubs, _) => never(),
            (Bodies::Real, Takes::Arguments) => {
                let arguments = &parts.arguments;
                match asyncness {
                    None => quote!(Self::function().#name(#(#extra,)* #arguments)),
                    Some(_) => {
                        let name = format_ident!("{name}_async");
                        quote!(Self::function().#name(#(#extra,)* #arguments).await)
                    }
                }
            }
            (Bodies::Real, Takes::Nothing) => quote!(Self::function().#name(#(#extra),*)),
            (Bodies::Real, Takes::Rule) => {
                let rules = local("rules");
                quote!(Self::function().change_rules(|#rules| #rules.#name(#(#extra),*)))
            }
        };
        quote! {
            #[doc = #summary]
            #sections
            #visibility #asyncness fn #name #own #of_call (#(#extra: #types,)* #parameters) -> #output #bounds {
                #body
            }
        }
    }
}

/// `function()`.
fn handle(parts: &Parts<'_>) -> TokenStream {
    let visibility = parts.visibility;
    let handle = expand::handle(parts.krate, parts.sharing, &quote!(Self));
    quote! {
        /// The handle on this function. Its operations take the arguments as one
        /// value or a tuple.
        #[inline]
        #visibility fn function() -> #handle {
            <#handle>::new()
        }
    }
}
