//! What is written between the parentheses of `#[memento(..)]`.

use crate::keyoption::KeyOption;
use crate::optionlist::{self, Spanned, expect_equals, spanned, value};
use proc_macro2::TokenStream;
use syn::parse::ParseStream;
use syn::{Error, Expr, Ident, LitStr, Path, Result, parse_quote};

/// The options as written; what they mean together is for `check` to say.
pub(crate) struct Options {
    pub(crate) krate: Path,
    pub(crate) with: Option<Ident>,
    pub(crate) key: Option<KeyOption>,
    pub(crate) factory: Option<Expr>,
    pub(crate) keep: Option<Spanned<KeepOption>>,
    pub(crate) capacity: Option<Spanned<Expr>>,
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
        }
    }
}

impl Options {
    /// Reads the options into `self`. After an error, what came before it is
    /// there: the fallback wants to know the constructor's name.
    pub(crate) fn read(&mut self, tokens: TokenStream) -> Result<()> {
        optionlist::read(tokens, |name, input| self.read_one(name, input))
    }

    fn read_one(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        match name.to_string().as_str() {
            "with" => self.with = Some(value(input, name, "with = open")?),
            "key" => self.key = Some(KeyOption::read(input, name)?),
            "factory" => self.factory = Some(value(input, name, "factory = BY_NAME")?),
            "keep" => self.keep = Some(keep(input, name)?),
            "capacity" => self.capacity = Some(spanned(input, name, "capacity = 1000")?),
            "crate" => self.krate = optionlist::krate(input, name)?,
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
        Ok(())
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
