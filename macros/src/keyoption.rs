//! The option `key`: which arguments, in which form, or which function of them.

use crate::optionlist::{ungrouped, value};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprClosure, Ident, Result, Token, Type, parenthesized};

pub(crate) enum KeyOption {
    /// `key(a, total(b))`
    Arguments(Vec<KeyArgument>),
    /// `key = |a, b| ..`
    Closure(ExprClosure),
    /// `key = path::to_fn`
    Function(Expr),
}

pub(crate) struct KeyArgument {
    pub(crate) source: Source,
    pub(crate) canonical: Canonical,
}

/// Where a part of the key comes from.
pub(crate) enum Source {
    /// `name`
    Argument(Ident),
    /// `self.field`, `self.field: Type` or `self.method()`
    OfSelf {
        value: Box<Expr>,
        ty: Option<Box<Type>>,
    },
}

/// Which canonical form was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Canonical {
    /// None by name: the type decides.
    ByType,
    Total,
    Content,
    Address,
}

impl Canonical {
    pub(crate) fn named(name: &Ident) -> Option<Self> {
        match name.to_string().as_str() {
            "total" => Some(Canonical::Total),
            "content" => Some(Canonical::Content),
            "address" => Some(Canonical::Address),
            _ => None,
        }
    }
}

impl KeyOption {
    /// What follows the option's name.
    pub(crate) fn read(input: ParseStream<'_>, name: &Ident) -> Result<Self> {
        if input.peek(syn::token::Paren) {
            let content;
            parenthesized!(content in input);
            let list = Punctuated::<KeyArgument, Token![,]>::parse_terminated(&content)?;
            return Ok(KeyOption::Arguments(list.into_iter().collect()));
        }
        let expr = value(input, name, "key(name, ..)` or `key = |name, ..| ..")?;
        Ok(match ungrouped(expr) {
            Expr::Closure(closure) => KeyOption::Closure(closure),
            other => KeyOption::Function(other),
        })
    }
}

impl Parse for KeyArgument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if is_of_self(input) {
            return Ok(KeyArgument {
                source: input.parse()?,
                canonical: Canonical::ByType,
            });
        }
        let name = input.call(Ident::parse_any)?;
        if !input.peek(syn::token::Paren) {
            return Ok(KeyArgument {
                source: Source::Argument(name),
                canonical: Canonical::ByType,
            });
        }
        let canonical = Canonical::named(&name).ok_or_else(|| {
            Error::new(
                name.span(),
                format!("unknown form `{name}`: the forms are `total(..)`, `content(..)` and `address(..)`"),
            )
        })?;
        let content;
        parenthesized!(content in input);
        let source = content.parse()?;
        if content.is_empty() {
            Ok(KeyArgument { source, canonical })
        } else {
            Err(content.error("a form takes one argument"))
        }
    }
}

impl Parse for Source {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if !is_of_self(input) {
            return input.call(Ident::parse_any).map(Source::Argument);
        }
        let value = input.parse()?;
        let ty = match input.parse::<Option<Token![:]>>()? {
            Some(_) => Some(Box::new(input.parse()?)),
            None => None,
        };
        Ok(Source::OfSelf {
            value: Box::new(value),
            ty,
        })
    }
}

fn is_of_self(input: ParseStream<'_>) -> bool {
    input.peek(Token![self]) && input.peek2(Token![.])
}
