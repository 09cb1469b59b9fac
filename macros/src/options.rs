//! What is written between the parentheses of `#[memento(..)]`.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{
    Error, Expr, ExprClosure, Ident, LitStr, Path, Result, Token, parenthesized, parse_quote,
};

/// The options as written; what they mean together is for `check` to say.
pub(crate) struct Options {
    pub(crate) krate: Path,
    pub(crate) with: Option<Ident>,
    pub(crate) key: Option<KeyOption>,
    pub(crate) factory: Option<Expr>,
    pub(crate) keep: Option<Spanned<KeepOption>>,
    pub(crate) capacity: Option<Spanned<Expr>>,
    seen: Vec<Ident>,
}

/// A value and where its option was written.
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

pub(crate) enum KeyOption {
    /// `key(a, total(b))`
    Arguments(Vec<KeyArgument>),
    /// `key = |a, b| ..`
    Closure(ExprClosure),
    /// `key = path::to_fn`
    Function(Expr),
}

pub(crate) struct KeyArgument {
    pub(crate) name: Ident,
    pub(crate) canonical: Canonical,
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

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepOption {
    Strong,
    Weak,
    Pinned,
    Static,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            krate: parse_quote!(::mementos),
            with: None,
            key: None,
            factory: None,
            keep: None,
            capacity: None,
            seen: Vec::new(),
        }
    }
}

impl Options {
    /// Reads the options into `self`. After an error, what came before it is
    /// there: the fallback wants to know the constructor's name.
    pub(crate) fn read(&mut self, tokens: proc_macro2::TokenStream) -> Result<()> {
        let list = |input: ParseStream<'_>| {
            while !input.is_empty() {
                self.read_one(input)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        list.parse2(tokens)
    }

    fn read_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        let name = input.call(Ident::parse_any)?;
        if self.seen.contains(&name) {
            return Err(Error::new(
                name.span(),
                format!("`{name}` is given twice: keep one"),
            ));
        }
        match name.to_string().as_str() {
            "with" => self.with = Some(value(input, &name, "with = open")?),
            "key" => self.key = Some(key(input, &name)?),
            "factory" => self.factory = Some(value(input, &name, "factory = BY_NAME")?),
            "keep" => self.keep = Some(keep(input, &name)?),
            "capacity" => {
                let value = value(input, &name, "capacity = 1000")?;
                self.capacity = Some(Spanned {
                    value,
                    span: name.span(),
                });
            }
            "crate" => {
                expect_equals(input, &name, "crate = path::to::mementos")?;
                self.krate = input.call(Path::parse_mod_style)?;
            }
            _ => {
                return Err(Error::new(
                    name.span(),
                    format!(
                        "unknown option `{name}`: the options are `with`, `key`, `factory`, `keep`, \
                         `capacity` and `crate`"
                    ),
                ));
            }
        }
        self.seen.push(name);
        Ok(())
    }
}

fn expect_equals(input: ParseStream<'_>, name: &Ident, usage: &str) -> Result<()> {
    if !input.peek(Token![=]) {
        return Err(Error::new(
            name.span(),
            format!("`{name}` takes a value: write `{usage}`"),
        ));
    }
    input.parse::<Token![=]>().map(drop)
}

fn value<T: Parse>(input: ParseStream<'_>, name: &Ident, usage: &str) -> Result<T> {
    expect_equals(input, name, usage)?;
    input.parse()
}

fn key(input: ParseStream<'_>, name: &Ident) -> Result<KeyOption> {
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

fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Paren(paren) => ungrouped(*paren.expr),
        Expr::Group(group) => ungrouped(*group.expr),
        other => other,
    }
}

impl Parse for KeyArgument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.call(Ident::parse_any)?;
        if !input.peek(syn::token::Paren) {
            return Ok(KeyArgument {
                name,
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
        let name = content.call(Ident::parse_any)?;
        if content.is_empty() {
            Ok(KeyArgument { name, canonical })
        } else {
            Err(content.error("a form takes one argument"))
        }
    }
}

fn keep(input: ParseStream<'_>, name: &Ident) -> Result<Spanned<KeepOption>> {
    const ONE_OF: &str = r#"`keep` is one of "strong", "weak", "pinned" and "static""#;
    expect_equals(input, name, r#"keep = "weak""#)?;
    let text: LitStr = input
        .parse()
        .map_err(|error| Error::new(error.span(), ONE_OF))?;
    let value = match text.value().as_str() {
        "strong" => KeepOption::Strong,
        "weak" => KeepOption::Weak,
        "pinned" => KeepOption::Pinned,
        "static" => KeepOption::Static,
        _ => return Err(Error::new(text.span(), ONE_OF)),
    };
    Ok(Spanned {
        value,
        span: text.span(),
    })
}
