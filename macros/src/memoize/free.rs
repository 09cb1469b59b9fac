//! A free function: the function that asks, a type of the same name with the
//! operations, and the body among these.

use super::check::Plan;
use super::expand::{self, Subject};
use super::function::{self, Function, Written};
use super::operations::{self, Bodies, Parts};
use crate::attributes::{Divided, allowances, conditions, divided};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Token;

pub(super) fn generated(written: &Written, function: &Function, plan: &Plan) -> TokenStream {
    let asking = asking(written, function, plan);
    let declaration = declaration(written, function, plan);
    let body = body(written, function);
    let operations = operations(written, function, plan);
    let subject = Subject {
        name: &written.signature.ident,
        conditions: conditions(&written.attributes).collect(),
        body: quote!(Self::uncached),
    };
    let implementation = expand::implementation(&subject, function, plan);
    quote!(#asking #declaration #body #operations #implementation)
}

/// The function that the user calls.
fn asking(written: &Written, function: &Function, plan: &Plan) -> TokenStream {
    let Written {
        visibility,
        signature,
        ..
    } = written;
    let (name, generics) = (&signature.ident, &signature.generics);
    let (_, of_type, _) = function.generics.of_type.split_for_impl();
    let subject = quote!(#name #of_type);
    let (output, bounds) = (&function.output, &generics.where_clause);
    let parameters = function::parameters(signature);
    let call = expand::call(plan, function, &subject);
    let asyncness = signature.asyncness;
    let attributes = outside(&divided(&written.attributes), asyncness);
    quote! {
        #attributes
        #visibility #asyncness fn #name #generics (#parameters) -> #output #bounds {
            #call
        }
    }
}

/// The attributes of a function that asks. A panic shows the line that asked, where
/// that can be known: not of one that is awaited.
pub(super) fn outside(attributes: &Divided, asyncness: Option<Token![async]>) -> TokenStream {
    let outside = &attributes.outside;
    let track_caller = asyncness.is_none().then(|| quote!(#[track_caller]));
    quote! {
        #[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
        #(#outside)*
        #[inline]
        #track_caller
    }
}

fn declaration(written: &Written, function: &Function, plan: &Plan) -> TokenStream {
    let Written {
        attributes,
        visibility,
        signature,
        ..
    } = written;
    let name = &signature.ident;
    let summary = format!("What is kept of [`{name}`](fn@{name})'s results.");
    let conditions = conditions(attributes);
    let attributes = quote! {
        #[doc = #summary]
        ///
        /// By arguments: `exists`, `ttl`, `entry`, `last_etag`, `key`, `get`, `detailed`,
        /// `refresh`, `expire`, `expire_at`, `delete`, `uncached`, and of an `async fn`
        /// `blocking`. For all of them:
        /// `clear`, `stats`, `options`, `set_options`, `etag_by`, `tags_by`,
        /// `max_age_by`, `expiry_by`, `stale_for_by`, `function`.
        #(#conditions)*
    };
    expand::declaration(&attributes, visibility, name, function, plan)
}

/// The body, in a function that takes the arguments as they were written.
fn body(written: &Written, function: &Function) -> TokenStream {
    let Written {
        visibility,
        signature,
        body,
        ..
    } = written;
    let (generics, of_type, bounds) = function.generics.of_type.split_for_impl();
    let (name, inputs) = (&signature.ident, &signature.inputs);
    let asyncness = signature.asyncness;
    let output = &signature.output;
    let of_call = &function.generics.of_call;
    let call_bounds = &of_call.where_clause;
    let conditions = conditions(&written.attributes);
    let attributes = divided(&written.attributes).body;
    let lints = body_lints();
    quote! {
        #(#conditions)*
        impl #generics #name #of_type #bounds {
            /// Runs the function itself. Nothing is looked up, and nothing kept.
            #lints
            #(#attributes)*
            #visibility #asyncness fn uncached #of_call (#inputs) #output #call_bounds #body
        }
    }
}

/// What a lint would say of the body's new place.
pub(super) fn body_lints() -> TokenStream {
    quote! {
        #[allow(
            dead_code,
            clippy::missing_errors_doc,
            clippy::missing_panics_doc,
            clippy::must_use_candidate,
        )]
    }
}

fn operations(written: &Written, function: &Function, plan: &Plan) -> TokenStream {
    let name = &written.signature.ident;
    let bounded = expand::bounds(function, plan);
    let (generics, of_type, bounds) = bounded.split_for_impl();
    let parts = Parts {
        krate: &plan.krate,
        sharing: plan.sharing,
        visibility: &written.visibility,
        of_call: &function.generics.of_call,
        parameters: function.arguments.parameters(),
        arguments: function.arguments.values(),
        output: function.output.to_token_stream(),
        asyncness: function.asyncness,
        bodies: Bodies::Real,
    };
    let functions = operations::functions(&parts);
    let conditions = conditions(&written.attributes);
    let allowances = allowances();
    quote! {
        #(#conditions)*
        #allowances
        #[allow(trivial_bounds)]
        impl #generics #name #of_type #bounds {
            #functions
        }
    }
}
