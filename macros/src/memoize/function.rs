//! The function that is memoized, checked.

use super::generics::{self, Split};
use crate::arguments::{Argument, Arguments};
use crate::attributes::located;
use crate::keyform::last_segment;
use crate::lifetimes;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{
    Attribute, Block, Error, FnArg, ImplItemFn, ItemFn, ItemImpl, Receiver, Result, ReturnType,
    Signature, Token, Type, Visibility,
};

/// A function as it was written.
pub(super) struct Written {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) body: Block,
}

impl From<ItemFn> for Written {
    fn from(function: ItemFn) -> Self {
        Written {
            attributes: function.attrs,
            visibility: function.vis,
            signature: function.sig,
            body: *function.block,
        }
    }
}

impl From<ImplItemFn> for Written {
    fn from(function: ImplItemFn) -> Self {
        Written {
            attributes: function.attrs,
            visibility: function.vis,
            signature: function.sig,
            body: function.block,
        }
    }
}

impl ToTokens for Written {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Written {
            attributes,
            visibility,
            signature,
            body,
        } = self;
        tokens.extend(quote!(#(#attributes)* #visibility #signature #body));
    }
}

/// What generated code needs to know of it. `Self` is written out.
pub(super) struct Function {
    pub(super) arguments: Arguments,
    pub(super) output: Type,
    /// What says that it is to be awaited.
    pub(super) asyncness: Option<Token![async]>,
    /// All parameters, the block's too.
    pub(super) generics: Split,
    /// The function's own.
    pub(super) own: Split,
}

impl Function {
    /// Reads a function, or a method of the block.
    pub(super) fn read(signature: &Signature, block: Option<&ItemImpl>) -> Result<Self> {
        if block.is_none() {
            check_place(signature)?;
        }
        check_qualifiers(signature)?;
        let signature = match block {
            Some(block) => {
                let written =
                    crate::block::written_out(signature.to_token_stream(), &block.self_ty);
                &syn::parse2(written)?
            }
            None => signature,
        };
        if let Some(found) = lifetimes::impl_trait(signature) {
            return Err(Error::new_spanned(
                found,
                "one function has one kind of key, so it cannot take `impl Trait`: \
                 name the type with a parameter, `<T: Key>`, or write a concrete one",
            ));
        }
        Ok(Function {
            arguments: arguments(signature, block)?,
            output: output(signature)?,
            asyncness: signature.asyncness,
            generics: match block {
                Some(block) => Split::of(&generics::joined(&block.generics, &signature.generics))?,
                None => Split::of(&signature.generics)?,
            },
            own: Split::of(&signature.generics)?,
        })
    }
}

/// A method's block must be known: the operations have no place inside it.
fn check_place(signature: &Signature) -> Result<()> {
    match of_block(signature) {
        Some(span) => Err(Error::new(
            span,
            "for a method put `#[memoize]` on the `impl` block too: \
             `#[memoize] impl Type { #[memoize] fn method(&self) .. }`",
        )),
        None => Ok(()),
    }
}

/// Where a signature shows that it stands in a block.
pub(super) fn of_block(signature: &Signature) -> Option<Span> {
    let receiver = signature
        .receiver()
        .map(|receiver| receiver.self_token.span);
    receiver.or_else(|| self_type(signature.to_token_stream()))
}

fn self_type(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "Self" => Some(ident.span()),
        TokenTree::Group(group) => self_type(group.stream()),
        _ => None,
    })
}

fn check_qualifiers(signature: &Signature) -> Result<()> {
    let refused = |span, message| Err(Error::new(span, message));
    if let Some(token) = &signature.constness {
        return refused(
            token.span(),
            "a `const fn` cannot look anything up: make it a plain `fn`",
        );
    }
    if let Some(token) = &signature.unsafety {
        return refused(
            token.span(),
            "the memoized function is safe to call, so its body must be: make it a safe `fn`",
        );
    }
    if let Some(abi) = &signature.abi {
        return refused(
            abi.span(),
            "a memoized function has Rust's own calling convention: make it a plain `fn`, \
             and call that from the `extern` one",
        );
    }
    match &signature.variadic {
        Some(variadic) => refused(variadic.span(), "a key has a fixed number of arguments"),
        None => Ok(()),
    }
}

/// The arguments, the receiver too.
pub(super) fn arguments(signature: &Signature, block: Option<&ItemImpl>) -> Result<Arguments> {
    let list = signature
        .inputs
        .iter()
        .enumerate()
        .map(|(at, input)| match input {
            FnArg::Typed(typed) => Ok(Argument::read(at, typed)),
            FnArg::Receiver(receiver) => this(receiver, block),
        })
        .collect::<Result<_>>()?;
    Ok(Arguments {
        list,
        owner: "function",
        name: signature.ident.span(),
        parentheses: located(signature.paren_token.span.join()),
    })
}

fn this(receiver: &Receiver, block: Option<&ItemImpl>) -> Result<Argument> {
    let mut ty = (*receiver.ty).clone();
    if let Some(block) = block {
        ty = syn::parse2(crate::block::written_out(
            ty.to_token_stream(),
            &block.self_ty,
        ))?;
    }
    Ok(Argument {
        name: Ident::from(receiver.self_token),
        has_name: true,
        kept: lifetimes::unified(&ty),
        ty,
    })
}

fn output(signature: &Signature) -> Result<Type> {
    let ReturnType::Type(_, output) = &signature.output else {
        return Err(Error::new(
            signature.ident.span(),
            "there is no result to keep: write `-> Type`, or remove `#[memoize]`",
        ));
    };
    match &**output {
        Type::Never(never) => {
            return Err(Error::new_spanned(
                never,
                "this function never returns: there is no result to keep",
            ));
        }
        output => {
            if let Some(found) = lifetimes::impl_trait_in(output) {
                return Err(Error::new_spanned(
                    found,
                    "the type of what is kept must be named: write a concrete type, \
                     or `Arc<dyn Trait + Send + Sync>`",
                ));
            }
        }
    }
    match lifetimes::borrowed(&lifetimes::unified(output)) {
        Some(_) => Err(Error::new_spanned(
            output,
            format!(
                "a kept result outlives any borrow: return {}",
                owned_instead(output)
            ),
        )),
        None => Ok((**output).clone()),
    }
}

/// What to return instead of a borrow.
fn owned_instead(output: &Type) -> String {
    let Type::Reference(reference) = output else {
        return "a type that owns its data".to_owned();
    };
    let owner = match &*reference.elem {
        Type::Path(path) => match last_segment(path).0.as_str() {
            "str" => "`String` or `Arc<str>`",
            "Path" => "`PathBuf` or `Arc<Path>`",
            _ => "an owned value, or an `Arc` of it",
        },
        Type::Slice(_) => "a `Vec`, or an `Arc` of the slice",
        _ => "an owned value, or an `Arc` of it",
    };
    owner.to_owned()
}

/// The parameters as written, without what only a body can use: patterns.
pub(super) fn parameters(signature: &Signature) -> TokenStream {
    let parameters = signature
        .inputs
        .iter()
        .enumerate()
        .map(|(at, input)| match input {
            FnArg::Receiver(receiver) => bare(receiver),
            FnArg::Typed(typed) => {
                let (name, ty) = (Argument::read(at, typed).name, &typed.ty);
                quote!(#name: #ty)
            }
        });
    quote!(#(#parameters),*)
}

fn bare(receiver: &Receiver) -> TokenStream {
    let mut receiver = receiver.clone();
    receiver.attrs.clear();
    if receiver.reference.is_none() {
        receiver.mutability = None; // `mut self` is the body's affair
    }
    quote!(#receiver)
}
