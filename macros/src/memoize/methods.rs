//! `#[memoize]` on an `impl` block: each memoized method asks, its body moves to
//! a method beside it, and a hidden type outside the block stands for it.

use super::check::{self, Plan};
use super::expand::{self, Subject};
use super::fallback;
use super::free::{body_lints, outside};
use super::function::{self, Function, Written};
use super::options::Options;
use crate::attributes::{conditions, divided, lints, name_at};
use crate::block::functions;
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Error, GenericParam, ImplItem, ImplItemFn, ItemImpl, Meta, Path, Result};

/// The block with its methods memoized, and what stands for them.
pub(super) fn generated(options: TokenStream, block: &ItemImpl) -> TokenStream {
    match checked(options, block) {
        Ok(krate) => expanded(&krate, block),
        Err(error) => {
            let mut plain = block.clone();
            for item in &mut plain.items {
                if let ImplItem::Fn(method) = item {
                    taken(method);
                }
            }
            let error = error.into_compile_error();
            quote!(#plain #error)
        }
    }
}

/// The path to the crate, if the block is one that holds memoized methods.
fn checked(options: TokenStream, block: &ItemImpl) -> Result<Path> {
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new_spanned(
            path,
            "put `#[memoize]` on an inherent `impl` block, and let the trait's method call \
             a memoized one",
        ));
    }
    let mut read = Options::default();
    crate::optionlist::read(options, |name, input| {
        if name != "crate" {
            return Err(Error::new(
                name.span(),
                format!(
                    "options belong to the methods: move `{name}` to a method's own `#[memoize(..)]`"
                ),
            ));
        }
        read.krate = crate::optionlist::krate(input, name)?;
        Ok(())
    })?;
    if functions(block).any(|method| method.attrs.iter().any(is_memoize)) {
        Ok(read.krate)
    } else {
        Err(Error::new_spanned(
            &block.self_ty,
            "no method of this block is memoized: put `#[memoize]` on the methods to memoize too",
        ))
    }
}

fn is_memoize(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|last| last.ident == "memoize")
}

/// Takes the method's `#[memoize]` off, and gives its options.
fn taken(method: &mut ImplItemFn) -> Option<Attribute> {
    let at = method.attrs.iter().position(is_memoize)?;
    Some(method.attrs.remove(at))
}

fn expanded(krate: &Path, block: &ItemImpl) -> TokenStream {
    let mut outer = block.clone();
    let mut beside = TokenStream::new();
    for item in &mut outer.items {
        let ImplItem::Fn(method) = item else {
            continue;
        };
        let Some(attribute) = taken(method) else {
            continue;
        };
        let expansion = Method::of(block, method.clone()).expanded(krate, &attribute);
        beside.extend(expansion.beside);
        *item = ImplItem::Verbatim(expansion.inside);
    }
    quote!(#outer #beside)
}

/// What a method becomes.
#[derive(Default)]
pub(super) struct Expansion {
    pub(super) inside: TokenStream,
    pub(super) beside: TokenStream,
}

/// A memoized method of the block.
struct Method<'b> {
    block: &'b ItemImpl,
    written: Written,
    /// The name of the type that stands for it.
    subject: Ident,
}

impl<'b> Method<'b> {
    fn of(block: &'b ItemImpl, method: ImplItemFn) -> Self {
        let name = &method.sig.ident;
        let this = names_in(block.self_ty.to_token_stream());
        Method {
            block,
            subject: name_at(&format!("__{this}_{}", name.unraw()), name),
            written: method.into(),
        }
    }

    fn expanded(&self, krate: &Path, attribute: &Attribute) -> Expansion {
        let mut options = Options::of(krate.clone());
        match self.read(&mut options, attribute) {
            Ok((function, plan)) => Expansion {
                inside: self.inside(&function, &plan),
                beside: self.beside(&function, &plan),
            },
            Err(error) => {
                let (error, method) = (error.into_compile_error(), &self.written);
                let Expansion { inside, beside } =
                    fallback::method(self.block, method, &self.subject, &options);
                Expansion {
                    inside: quote!(#method #inside),
                    beside: quote!(#error #beside),
                }
            }
        }
    }

    fn read(&self, options: &mut Options, attribute: &Attribute) -> Result<(Function, Plan)> {
        match &attribute.meta {
            Meta::Path(_) => {}
            Meta::List(list) => {
                let written = crate::block::written_out(list.tokens.clone(), &self.block.self_ty);
                options.read(written)?;
            }
            Meta::NameValue(value) => {
                return Err(Error::new(
                    value.span(),
                    "write the options in parentheses: `#[memoize(max_age = \"60s\")]`",
                ));
            }
        }
        self.check_names()?;
        let function = Function::read(&self.written.signature, Some(self.block))?;
        let this = self.block.self_ty.to_token_stream();
        let name = self.written.signature.ident.unraw();
        let name = format!("{this}::{name}").replace(' ', "");
        let plan = check::plan(options, &function, &name)?;
        Ok((function, plan))
    }

    /// What is generated must not meet what the block already has.
    fn check_names(&self) -> Result<()> {
        let generated = companions(&self.written.signature.ident);
        match functions(self.block).find(|other| generated.contains(&other.sig.ident)) {
            Some(other) => Err(Error::new(
                other.sig.ident.span(),
                format!(
                    "`#[memoize]` on `{}` generates `{}`: give this function another name",
                    self.written.signature.ident, other.sig.ident
                ),
            )),
            None => Ok(()),
        }
    }

    fn body_name(&self) -> Ident {
        let [_, body] = companions(&self.written.signature.ident);
        body
    }

    /// The method that asks, the one with the body, and the handle.
    fn inside(&self, function: &Function, plan: &Plan) -> TokenStream {
        let Written {
            attributes,
            visibility,
            signature,
            body,
        } = &self.written;
        let (_, of_type, _) = function.generics.of_type.split_for_impl();
        let subject = &self.subject;
        let handle = expand::handle(&plan.krate, plan.sharing, &quote!(#subject #of_type));
        let (name, generics) = (&signature.ident, &signature.generics);
        let (output, bounds) = (&signature.output, &generics.where_clause);
        let parameters = function::parameters(signature);
        let call = expand::call(plan, function, &quote!(#subject #of_type));
        let asyncness = signature.asyncness;
        let divided = divided(attributes);
        let (outside, of_body) = (outside(&divided, asyncness), &divided.body);
        let (inputs, body_name, body_lints) = (&signature.inputs, self.body_name(), body_lints());
        let body_doc = format!(
            "Runs [`{name}`](Self::{name}) itself. Nothing is looked up, and nothing kept."
        );
        let memo = self.handle(function, &handle);
        quote! {
            #outside
            #visibility #asyncness fn #name #generics (#parameters) #output #bounds {
                #call
            }

            #[doc = #body_doc]
            #body_lints
            #(#of_body)*
            #visibility #asyncness fn #body_name #generics (#inputs) #output #bounds #body

            #memo
        }
    }

    /// `area_memo()`.
    fn handle(&self, function: &Function, handle: &TokenStream) -> TokenStream {
        let Written {
            visibility,
            signature,
            attributes,
            ..
        } = &self.written;
        let name = &signature.ident;
        let [memo, _] = companions(name);
        let doc = format!(
            "The handle on [`{name}`](Self::{name}): what is kept of its results. Its operations \
             take the arguments as one value or a tuple, `self` first."
        );
        let own = &function.own.of_type;
        let bounds = &own.where_clause;
        let (conditions, lints) = (conditions(attributes), lints());
        quote! {
            #[doc = #doc]
            #(#conditions)*
            #lints
            #[inline]
            #visibility fn #memo #own () -> #handle #bounds {
                <#handle>::new()
            }
        }
    }

    /// The type that stands for the method.
    fn beside(&self, function: &Function, plan: &Plan) -> TokenStream {
        let conditions: Vec<_> = conditions(&self.block.attrs)
            .chain(conditions(&self.written.attributes))
            .collect();
        let attributes = quote!(#(#conditions)* #[doc(hidden)]);
        let declaration = expand::declaration(
            &attributes,
            &self.written.visibility,
            &self.subject,
            function,
            plan,
        );
        let (this, body) = (crate::block::path(&self.block.self_ty), self.body_name());
        let own = own_arguments(function);
        let subject = Subject {
            name: &self.subject,
            conditions,
            body: quote!(#this::#body #own),
        };
        let implementation = expand::implementation(&subject, function, plan);
        quote!(#declaration #implementation)
    }
}

/// The names of the method's handle and of its body.
pub(super) fn companions(method: &Ident) -> [Ident; 2] {
    let named = |suffix| name_at(&format!("{}_{suffix}", method.unraw()), method);
    [named("memo"), named("uncached")]
}

/// The method's own parameters, as a call gives them.
fn own_arguments(function: &Function) -> Option<TokenStream> {
    let own = &function.own.of_type;
    if own.params.is_empty() {
        return None;
    }
    let names = own.params.iter().map(|param| match param {
        GenericParam::Type(param) => param.ident.to_token_stream(),
        GenericParam::Const(param) => param.ident.to_token_stream(),
        GenericParam::Lifetime(param) => param.lifetime.to_token_stream(),
    });
    Some(quote!(::<#(#names),*>))
}

/// All names in a type, so that `Shape<u8>` and `Shape<u16>` can both have one.
fn names_in(tokens: TokenStream) -> String {
    let mut names = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => names.push(ident.to_string()),
            TokenTree::Group(group) => names.push(names_in(group.stream())),
            TokenTree::Literal(literal) => names.push(literal.to_string()),
            TokenTree::Punct(_) => {}
        }
    }
    names.retain(|name| !name.is_empty());
    let name = names.join("_").replace("r#", "");
    name.replace(|c: char| !c.is_alphanumeric() && c != '_', "_")
}
