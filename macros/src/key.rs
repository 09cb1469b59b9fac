//! The key of a constructor's calls: by its arguments, a function or a factory.

use crate::constructor::{self, Argument, Constructor};
use crate::keyform::Shape;
use crate::options::{Canonical, KeyArgument, KeyOption, Options};
use crate::place::{Place, local};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, Expr, ExprClosure, Ident, Index, Pat, Path, Result, ReturnType, Type};

/// The longest tuple that stands for a tuple of keys.
const MOST_PARTS: usize = 12;

/// What is generated for the key.
pub(crate) struct KeyForm {
    /// `Memento::Key`.
    pub(crate) ty: TokenStream,
    /// The body of `Memento::lookup`, of [`args`].
    pub(crate) lookup: TokenStream,
}

impl KeyForm {
    pub(crate) fn of(options: &Options, constructor: &Constructor) -> Result<Self> {
        let krate = &options.krate;
        match (&options.key, &options.factory) {
            (Some(_), Some(factory)) => Err(Error::new_spanned(
                factory,
                "a factory makes the key: give `factory` or `key`, not both",
            )),
            (None, Some(factory)) => Ok(by_factory(krate, factory, constructor)),
            (None, None) => by_arguments(krate, &all(constructor), constructor),
            (Some(KeyOption::Arguments(list)), None) => {
                by_arguments(krate, &chosen(list, constructor)?, constructor)
            }
            (Some(KeyOption::Closure(closure)), None) => by_closure(krate, closure, constructor),
            (Some(KeyOption::Function(function)), None) => {
                Ok(by_function(krate, function, constructor))
            }
        }
    }

    /// A key whose type only the function knows that computes it.
    fn computed(krate: &Path, call: &TokenStream) -> Self {
        KeyForm {
            ty: quote!(#krate::key::AnyKey),
            lookup: quote!(#krate::key::Computed(#call)),
        }
    }
}

/// The name of `Memento::lookup`'s argument.
pub(crate) fn args() -> Ident {
    local("args")
}

/// Where the argument with this index is found in `Memento::Args`.
fn place(at: usize, constructor: &Constructor) -> Place {
    let args = args();
    if constructor.arguments.len() == 1 {
        return Place::behind(quote!(#args));
    }
    let at = Index::from(at);
    Place::at(quote!(#args.#at))
}

type Part = (usize, Canonical);

fn all(constructor: &Constructor) -> Vec<Part> {
    (0..constructor.arguments.len())
        .map(|at| (at, Canonical::ByType))
        .collect()
}

/// The arguments that `key(..)` names.
fn chosen(list: &[KeyArgument], constructor: &Constructor) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for KeyArgument { name, canonical } in list {
        let found = constructor
            .arguments
            .iter()
            .position(|argument| argument.has_name && argument.name == *name)
            .ok_or_else(|| unknown(name, &constructor.arguments))?;
        if parts.iter().any(|(at, _)| *at == found) {
            return Err(Error::new(
                name.span(),
                format!("`{name}` is named twice: keep one"),
            ));
        }
        parts.push((found, *canonical));
    }
    Ok(parts)
}

fn unknown(name: &Ident, arguments: &[Argument]) -> Error {
    let names = constructor::names(arguments);
    let what = match names.as_str() {
        "" => "it has none with a name".to_owned(),
        names => format!("name one of {names}"),
    };
    Error::new(
        name.span(),
        format!("the constructor has no argument `{name}`: {what}"),
    )
}

fn by_arguments(krate: &Path, parts: &[Part], constructor: &Constructor) -> Result<KeyForm> {
    if parts.len() > MOST_PARTS {
        return Err(Error::new(
            constructor.name.span(),
            format!(
                "a key has at most {MOST_PARTS} arguments: name those that matter with `key(..)`, \
                 or take a struct with `#[derive(Key)]`"
            ),
        ));
    }
    let (mut keys, mut lookups) = (Vec::new(), Vec::new());
    for (at, canonical) in parts {
        let shape = Shape::of(&constructor.arguments[*at].kept, *canonical).map_err(left_out)?;
        keys.push(shape.key(krate));
        lookups.push(shape.lookup(krate, &place(*at, constructor)));
    }
    Ok(match (keys.as_slice(), lookups.as_slice()) {
        ([key], [lookup]) => KeyForm {
            ty: key.clone(),
            lookup: lookup.clone(),
        },
        _ => {
            let span = constructor.parentheses;
            KeyForm {
                ty: quote_spanned!(span=> (#(#keys),*)),
                lookup: quote_spanned!(span=> (#(#lookups),*)),
            }
        }
    })
}

fn left_out(error: Error) -> Error {
    let remedy = "leave the argument out by naming the others with `key(..)`, \
                  or compute the key with `key = |..| ..`";
    Error::new(error.span(), format!("{error}: {remedy}"))
}

fn by_factory(krate: &Path, factory: &Expr, constructor: &Constructor) -> KeyForm {
    let (args, output) = (args(), &constructor.output);
    let call = quote!(#krate::private::factory_key::<Self, #output, _>(&#factory, #args));
    KeyForm::computed(krate, &call)
}

fn by_closure(krate: &Path, closure: &ExprClosure, constructor: &Constructor) -> Result<KeyForm> {
    let (taken, given) = (closure.inputs.len(), constructor.arguments.len());
    if taken != given {
        let (open, inputs, close) = (&closure.or1_token, &closure.inputs, &closure.or2_token);
        return Err(Error::new_spanned(
            quote!(#open #inputs #close),
            format!(
                "the closure takes {taken} of the constructor's {given} arguments: \
                 list them all, with `_` for those that are not identity"
            ),
        ));
    }
    let values: Vec<_> = constructor
        .arguments
        .iter()
        .zip(&closure.inputs)
        .enumerate()
        .map(|(at, (argument, input))| {
            passed(&argument.kept, annotation(input), &place(at, constructor))
        })
        .collect();
    let called = called(closure, &values);
    Ok(match &closure.output {
        ReturnType::Type(_, key) => KeyForm {
            ty: quote!(#key),
            lookup: quote!(#krate::key::Owned(#called)),
        },
        ReturnType::Default => KeyForm::computed(krate, &called),
    })
}

/// Calls the closure through a function, because a closure that is called on
/// the spot learns the types of its parameters too late.
fn called(closure: &ExprClosure, values: &[TokenStream]) -> TokenStream {
    let types: Vec<_> = (0..values.len()).map(|at| format_ident!("A{at}")).collect();
    let names: Vec<_> = (0..values.len()).map(|at| format_ident!("a{at}")).collect();
    let call = Ident::new("__memento_key", Span::mixed_site());
    quote! {{
        fn #call<#(#types,)* K>(key: impl ::core::ops::FnOnce(#(#types),*) -> K #(, #names: #types)*) -> K {
            key(#(#names),*)
        }
        #call(#closure #(, #values)*)
    }}
}

fn annotation(input: &Pat) -> Option<&Type> {
    match input {
        Pat::Type(typed) if !matches!(*typed.ty, Type::Infer(_)) => Some(&typed.ty),
        _ => None,
    }
}

/// How a key function is given an argument that it may not consume.
fn passed(ty: &Type, wanted: Option<&Type>, place: &Place) -> TokenStream {
    let (value, borrow) = (place.value(), place.borrow());
    match (ty, wanted) {
        (Type::Paren(inner), _) => passed(&inner.elem, wanted, place),
        (Type::Group(inner), _) => passed(&inner.elem, wanted, place),
        (Type::Reference(reference), _) if reference.mutability.is_some() => quote!(&*#value),
        (Type::Reference(_), _) => value,
        (_, Some(Type::Reference(_))) => borrow,
        _ if is_plain_copy(ty) => value,
        (_, Some(_)) => quote!(::core::clone::Clone::clone(#borrow)),
        (_, None) => borrow,
    }
}

fn is_plain_copy(ty: &Type) -> bool {
    const NAMES: [&str; 16] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64", "bool", "char",
    ];
    matches!(ty, Type::Path(path) if NAMES.iter().any(|name| path.path.is_ident(name)))
}

fn by_function(krate: &Path, function: &Expr, constructor: &Constructor) -> KeyForm {
    let values = constructor
        .arguments
        .iter()
        .enumerate()
        .map(|(at, argument)| passed(&argument.kept, None, &place(at, constructor)));
    KeyForm::computed(krate, &quote!((#function)(#(#values),*)))
}
