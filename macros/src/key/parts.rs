//! A key made of arguments, each in its own form.

use super::{KeyForm, key};
use crate::arguments::Arguments;
use crate::keyform::Shape;
use crate::keyoption::{Canonical, KeyArgument, Source};
use crate::lifetimes;
use crate::place::Place;
use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, Path, Result, Type};

/// The longest tuple that stands for a tuple of keys.
const MOST_PARTS: usize = 12;

/// The key of all arguments.
pub(super) fn all(krate: &Path, arguments: &Arguments) -> Result<KeyForm> {
    check_number(arguments.list.len(), arguments)?;
    let parts = (0..arguments.list.len())
        .map(|at| argument(krate, at, Canonical::ByType, arguments))
        .collect::<Result<Vec<_>>>()?;
    Ok(together(parts, arguments))
}

/// The key of what `key(..)` names.
pub(super) fn chosen(krate: &Path, list: &[KeyArgument], arguments: &Arguments) -> Result<KeyForm> {
    check_number(list.len(), arguments)?;
    let mut named: Vec<&Ident> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    for KeyArgument { source, canonical } in list {
        parts.push(match source {
            Source::Argument(name) => {
                let at = position(name, arguments)?;
                if named.contains(&name) {
                    return Err(Error::new(
                        name.span(),
                        format!("`{name}` is named twice: keep one"),
                    ));
                }
                named.push(name);
                argument(krate, at, *canonical, arguments)?
            }
            Source::OfSelf { value, ty } => {
                let at = position(&Ident::new("self", value.span()), arguments)?;
                let place = arguments.place(at);
                let form = match ty {
                    Some(ty) => typed(krate, value, &place, ty, *canonical)?,
                    None => untyped(krate, &of_self(value, &place), *canonical),
                };
                Part { form, whole: None }
            }
        });
    }
    Ok(together(parts, arguments))
}

fn position(name: &Ident, arguments: &Arguments) -> Result<usize> {
    arguments
        .position(name)
        .ok_or_else(|| unknown(name, arguments))
}

fn unknown(name: &Ident, arguments: &Arguments) -> Error {
    let what = match arguments.names().as_str() {
        "" => "it has none with a name".to_owned(),
        names => format!("name one of {names}"),
    };
    Error::new(
        name.span(),
        format!("the {} has no argument `{name}`: {what}", arguments.owner),
    )
}

fn check_number(parts: usize, arguments: &Arguments) -> Result<()> {
    if parts <= MOST_PARTS {
        return Ok(());
    }
    Err(Error::new(
        arguments.name,
        format!(
            "a key has at most {MOST_PARTS} arguments: name those that matter with `key(..)`, \
             or take a struct with `#[derive(Key)]`"
        ),
    ))
}

fn argument(krate: &Path, at: usize, canonical: Canonical, arguments: &Arguments) -> Result<Part> {
    let shape = Shape::of(&arguments.list[at].kept, canonical)
        .map_err(|error| left_out(error, at, arguments))?;
    let form = KeyForm {
        ty: shape.key(krate),
        lookup: shape.lookup(krate, &arguments.place(at)),
        arguments: None,
    };
    let whole = Some((at, shape));
    Ok(Part { form, whole })
}

/// A part of a key.
struct Part {
    form: KeyForm,
    /// Which argument it is, if it is all of one.
    whole: Option<(usize, Shape)>,
}

fn left_out(error: Error, at: usize, arguments: &Arguments) -> Error {
    let remedy = if arguments.list[at].name == "self" {
        let others: Vec<_> = arguments
            .list
            .iter()
            .filter(|argument| argument.has_name && argument.name != "self")
            .map(|argument| argument.name.to_string())
            .collect();
        format!(
            "leave `self` out with `key({})`, or name a part of it, as in `key(self.id)`",
            others.join(", ")
        )
    } else {
        "leave the argument out by naming the others with `key(..)`, \
         or compute the key with `key = |..| ..`"
            .to_owned()
    };
    Error::new(error.span(), format!("{error}: {remedy}"))
}

/// One part alone, or a tuple of several.
fn together(parts: Vec<Part>, arguments: &Arguments) -> KeyForm {
    let again = again(&parts, arguments);
    match <[Part; 1]>::try_from(parts) {
        Ok([part]) => KeyForm {
            arguments: again,
            ..part.form
        },
        Err(parts) => {
            let span = arguments.parentheses;
            let parts = parts
                .into_iter()
                .map(|part| (part.form.ty, part.form.lookup));
            let (keys, lookups): (Vec<_>, Vec<_>) = parts.unzip();
            KeyForm {
                ty: quote_spanned!(span=> (#(#keys),*)),
                lookup: quote_spanned!(span=> (#(#lookups),*)),
                arguments: again,
            }
        }
    }
}

/// The arguments, made anew from a key of these parts.
fn again(parts: &[Part], arguments: &Arguments) -> Option<TokenStream> {
    let key = key();
    let place = |at: usize| match parts.len() {
        1 => Place::behind(quote!(#key)),
        _ => Place::behind(quote!(#key)).member(at),
    };
    let argument = |at: usize| {
        let mut parts = parts.iter().enumerate();
        parts.find_map(|(part, Part { whole, .. })| {
            let (_, shape) = whole.as_ref().filter(|(of, _)| *of == at)?;
            shape.argument(&place(part))
        })
    };
    let each: Option<Vec<_>> = (0..arguments.list.len()).map(argument).collect();
    let each = each?;
    Some(match each.as_slice() {
        [one] => quote!(#one),
        each => quote!((#(#each),*)),
    })
}

/// The expression with `self` found in the arguments.
fn of_self(value: &Expr, place: &Place) -> TokenStream {
    fn replaced(tokens: TokenStream, this: &TokenStream) -> TokenStream {
        tokens
            .into_iter()
            .flat_map(|token| match token {
                TokenTree::Ident(ident) if ident == "self" => this.clone(),
                TokenTree::Group(group) => {
                    let inner = replaced(group.stream(), this);
                    TokenTree::Group(Group::new(group.delimiter(), inner)).into()
                }
                other => other.into(),
            })
            .collect()
    }

    let this = place.value();
    replaced(value.to_token_stream(), &quote!((#this)))
}

/// A part of `self` whose type is known: looked up as an argument is.
fn typed(
    krate: &Path,
    value: &Expr,
    place: &Place,
    ty: &Type,
    canonical: Canonical,
) -> Result<KeyForm> {
    let shape = Shape::of(&lifetimes::unified(ty), canonical)?;
    let part = of_self(value, place);
    // What a method returns by value cannot be borrowed for as long as `self`.
    let is_returned = shape.is_plain() && !matches!(value, Expr::Field(_));
    Ok(KeyForm {
        ty: shape.key(krate),
        lookup: if is_returned {
            quote!(#krate::key::Owned(#part))
        } else {
            shape.lookup(krate, &Place::at(part))
        },
        arguments: None,
    })
}

/// A part of `self` whose type the macro cannot see: made on every call.
fn untyped(krate: &Path, value: &TokenStream, canonical: Canonical) -> KeyForm {
    let owned = quote!({
        #[allow(unused_imports)]
        use ::std::borrow::ToOwned as _;
        (#value).to_owned()
    });
    let form = match canonical {
        Canonical::ByType => owned,
        Canonical::Total => quote!(#krate::key::Total(#owned)),
        Canonical::Content => quote!(#krate::key::Content(#owned)),
        Canonical::Address => quote!(#krate::key::Address(#owned)),
    };
    KeyForm::computed(krate, &form)
}
