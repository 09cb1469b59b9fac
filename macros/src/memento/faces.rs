//! The functions that `#[memento]` adds to the type: the constructor's own
//! arguments, handed to the trait.

use super::check::{Keep, Plan};
use super::constructor::Constructor;
use crate::attributes::{allowances, conditions, name_at, undocumented};
use crate::place::local;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ItemImpl;

/// One way to ask for an instance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Face {
    Memento,
    TryMemento,
    TryMementoFor,
    MementoRef,
}

impl Face {
    fn all(keep: &Keep) -> Vec<Face> {
        let mut faces = vec![Face::Memento, Face::TryMemento, Face::TryMementoFor];
        if let Keep::Static = keep {
            faces.push(Face::MementoRef);
        }
        faces
    }

    fn name(self) -> &'static str {
        match self {
            Face::Memento => "memento",
            Face::TryMemento => "try_memento",
            Face::TryMementoFor => "try_memento_for",
            Face::MementoRef => "memento_ref",
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Face::Memento => {
                "The instance for these arguments: the one that is kept, or else a new one."
            }
            Face::TryMemento => "The instance for these arguments, or why there is none.",
            Face::TryMementoFor => {
                "As `try_memento`, but waits at most `timeout` for a build that somebody else leads."
            }
            Face::MementoRef => "The instance for these arguments, for ever.",
        }
    }

    fn panics(self) -> bool {
        matches!(self, Face::Memento | Face::MementoRef)
    }

    /// The section on failure, which ends the documentation.
    fn failure(self) -> &'static str {
        if self.panics() {
            "\n# Panics\n\nIf the build fails, with the message that `try_memento` would give as an error."
        } else {
            "\n# Errors\n\nThe constructor's own error, or what kept it from running: a circle of \
             builds, or the failure of a build that somebody else led."
        }
    }

    fn output(self, constructor: &Constructor, Plan { krate, .. }: &Plan) -> TokenStream {
        let output = &constructor.output;
        let error = quote!(<#output as #krate::Outcome<Self>>::Error);
        let shared = quote!(#krate::private::Arc<Self>);
        match self {
            Face::Memento => shared,
            Face::MementoRef => quote!(&'static Self),
            Face::TryMemento | Face::TryMementoFor => {
                quote!(::core::result::Result<#shared, #krate::BuildError<#error>>)
            }
        }
    }

    fn function(self, constructor: &Constructor, plan: &Plan) -> TokenStream {
        let krate = &plan.krate;
        let Constructor {
            visibility,
            generics,
            attributes,
            output: returned,
            ..
        } = constructor;
        let (summary, failure) = (self.summary(), self.failure());
        let name = name_at(self.name(), &constructor.name);
        let (parameters, arguments) = (
            constructor.arguments.parameters(),
            constructor.arguments.values(),
        );
        let (timeout, passed) = match self {
            Face::TryMementoFor => {
                let timeout = local("timeout");
                let parameter = quote!(#timeout: #krate::private::Duration,);
                (Some(parameter), Some(quote!(#timeout,)))
            }
            _ => (None, None),
        };
        let (output, bounds) = (self.output(constructor, plan), &generics.where_clause);
        let asyncness = constructor.asyncness;
        // A panic shows the line that asked, where that can be known.
        let tracks = self.panics() && asyncness.is_none();
        let track = tracks.then(|| quote!(#[track_caller]));
        let called = match asyncness {
            None => quote!(<Self as #krate::Memento<#returned>>::#name(#passed #arguments)),
            Some(_) => {
                let name = format_ident!("{}_async", self.name());
                quote!(<Self as #krate::MementoAsync<#returned>>::#name(#passed #arguments).await)
            }
        };
        quote! {
            #[doc = #summary]
            #[doc = ""]
            #(#attributes)*
            #[doc = #failure]
            #[inline]
            #track
            #visibility #asyncness fn #name #generics (#timeout #parameters) -> #output #bounds {
                #called
            }
        }
    }
}

/// The block of generated functions.
pub(crate) fn functions(block: &ItemImpl, constructor: &Constructor, plan: &Plan) -> TokenStream {
    let (generics, _, bounds) = block.generics.split_for_impl();
    let this = &block.self_ty;
    let conditions = conditions(&block.attrs).chain(conditions(&constructor.attributes));
    let allowances = allowances();
    let faces = Face::all(&plan.keep);
    let faces = faces.iter().map(|face| face.function(constructor, plan));
    let partition = partition(constructor, plan);
    quote! {
        #(#conditions)*
        #allowances
        impl #generics #this #bounds {
            #(#faces)*
            #partition
        }
    }
}

/// `mementos()`.
fn partition(constructor: &Constructor, Plan { krate, .. }: &Plan) -> TokenStream {
    let Constructor {
        visibility,
        output,
        attributes,
        ..
    } = constructor;
    let attributes = undocumented(attributes);
    let name = name_at("mementos", &constructor.name);
    quote! {
        /// The instances of this type in the current registry.
        #(#attributes)*
        #[inline]
        #visibility fn #name() -> #krate::Mementos<Self, #output> {
            <Self as #krate::Memento<#output>>::#name()
        }
    }
}
