//! `#[memoize]` on an `impl` block: each memoized method asks, its body moves to
//! a method beside it, and a hidden type outside the block stands for it.

use super::check::{self, Plan};
use super::expand::{self, Subject};
use super::fallback;
use super::free::{body_lints, outside};
use super::function::{self, Function, Written};
use super::options::Options;
use crate::attributes::{conditions, divided, lints, name_at};
use crate::selftype;
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;
use syn::{Attribute, Error, GenericParam, ImplItem, ImplItemFn, ItemImpl, Meta, Path, Result};

/// The block with its methods memoized, and what stands for them.
pub(super) fn generated(options: TokenStream, block: &ItemImpl) -> TokenStream {
    match checked(options, block) {
        Ok(krate) => expanded(krate, block),
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
    let any = block.items.iter().any(|item| match item {
        ImplItem::Fn(method) => method.attrs.iter().any(is_memoize),
        _ => false,
    });
    if any {
        Ok(read.krate)
    } else {
        Err(Error::new_spanned(
            &block.self_ty,
            "no method of this block is memoized: put `#[memoize]` on the methods to memoize too",
        ))
    }
}

fn is_memoize(attribute: &Attribute) -> bool {
    let path = attribute.path();
    path.segments
        .last()
        .is_some_and(|last| last.ident == "memoize")
        && (path.segments.len() == 1 || path.segments.len() == 2)
}

/// Takes the method's `#[memoize]` off, and gives its options.
fn taken(method: &mut ImplItemFn) -> Option<Attribute> {
    let at = method.attrs.iter().position(is_memoize)?;
    Some(method.attrs.remove(at))
}

fn expanded(krate: Path, block: &ItemImpl) -> TokenStream {
    let mut outer = block.clone();
    let (mut inside, mut beside) = (TokenStream::new(), TokenStream::new());
    outer.items.retain_mut(|item| {
        let ImplItem::Fn(method) = item else {
            return true;
        };
        let Some(attribute) = taken(method) else {
            return true;
        };
        let method = Method::of(block, method.clone());
        let mut options = Options::of(krate.clone());
        match method.read(&mut options, &attribute) {
            Ok((function, plan)) => {
                inside.extend(method.inside(&function, &plan));
                beside.extend(method.beside(&function, &plan));
            }
            Err(error) => {
                inside.extend(method.written.to_token_stream());
                let stub = fallback::method(&method.written, &method.subject, &options);
                inside.extend(stub.inside);
                beside.extend([error.into_compile_error(), stub.beside]);
            }
        }
        false
    });
    outer.items.push(ImplItem::Verbatim(inside));
    quote!(#outer #beside)
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
            subject: name_at(&format!("__{this}_{name}"), name),
            written: method.into(),
        }
    }

    fn read(&self, options: &mut Options, attribute: &Attribute) -> Result<(Function, Plan)> {
        match &attribute.meta {
            Meta::Path(_) => {}
            Meta::List(list) => {
                let written = selftype::written_out(list.tokens.clone(), &self.block.self_ty);
                options.read(written)?;
            }
            Meta::NameValue(value) => {
                return Err(Error::new(
                    value.span(),
                    "write the options in parentheses: `#[memoize(max_age = \"60s\")]`",
                ));
            }
        }
        let function = Function::read(&self.written.signature, Some(self.block))?;
        let this = self.block.self_ty.to_token_stream();
        let name = format!("{this}::{}", self.written.signature.ident).replace(' ', "");
        let plan = check::plan(options, &function, &name)?;
        Ok((function, plan))
    }

    fn body_name(&self) -> Ident {
        let name = &self.written.signature.ident;
        format_ident!("{name}_uncached", span = name.span())
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
        let call = expand::call(
            &plan.krate,
            plan.sharing,
            &quote!(#subject #of_type),
            &function.arguments.values(),
        );
        let divided = divided(attributes);
        let (outside, of_body) = (outside(&divided), &divided.body);
        let (inputs, body_name, body_lints) = (&signature.inputs, self.body_name(), body_lints());
        let body_doc = format!(
            "Runs [`{name}`](Self::{name}) itself. Nothing is looked up, and nothing kept."
        );
        let memo = self.handle(function, &handle);
        quote! {
            #outside
            #visibility fn #name #generics (#parameters) #output #bounds {
                #call
            }

            #[doc = #body_doc]
            #body_lints
            #(#of_body)*
            #visibility fn #body_name #generics (#inputs) #output #bounds #body

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
        let memo = name_at(&format!("{name}_memo"), name);
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
        let (this, body) = (selftype::path(&self.block.self_ty), self.body_name());
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
