//! Reading `name = value, ..` between an attribute's parentheses.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Error, Expr, Ident, Lit, Path, Result, Token};

/// A value and where its option was written.
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// Hands the options to `one`, name by name. Each may be given once.
pub(crate) fn read(
    tokens: TokenStream,
    mut one: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
) -> Result<()> {
    let mut seen: Vec<Ident> = Vec::new();
    let list = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let name = input.call(Ident::parse_any)?;
            if seen.contains(&name) {
                return Err(twice(&name));
            }
            one(&name, input)?;
            seen.push(name);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    list.parse2(tokens)
}

fn twice(name: &Ident) -> Error {
    Error::new(name.span(), format!("`{name}` is given twice: keep one"))
}

pub(crate) fn expect_equals(input: ParseStream<'_>, name: &Ident, usage: &str) -> Result<()> {
    if !input.peek(Token![=]) {
        return Err(Error::new(
            name.span(),
            format!("`{name}` takes a value: write `{usage}`"),
        ));
    }
    input.parse::<Token![=]>().map(drop)
}

pub(crate) fn value<T: Parse>(input: ParseStream<'_>, name: &Ident, usage: &str) -> Result<T> {
    expect_equals(input, name, usage)?;
    input.parse()
}

/// The same, with the place of the option's name.
pub(crate) fn spanned<T: Parse>(
    input: ParseStream<'_>,
    name: &Ident,
    usage: &str,
) -> Result<Spanned<T>> {
    Ok(Spanned {
        value: value(input, name, usage)?,
        span: name.span(),
    })
}

/// `crate = path`.
pub(crate) fn krate(input: ParseStream<'_>, name: &Ident) -> Result<Path> {
    expect_equals(input, name, "crate = path::to::mementos")?;
    input.call(Path::parse_mod_style)
}

/// Without the parentheses, and without the invisible ones of a macro.
pub(crate) fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Paren(paren) => ungrouped(*paren.expr),
        Expr::Group(group) => ungrouped(*group.expr),
        other => other,
    }
}

pub(crate) fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(literal) => {
            matches!(&literal.lit, Lit::Int(int) if int.base10_parse::<u64>().is_ok_and(|n| n == 0))
        }
        _ => false,
    }
}
