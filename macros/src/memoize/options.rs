//! What is written between the parentheses of `#[memoize(..)]`.

use super::setting::{self, Setting};
use crate::keyoption::KeyOption;
use crate::optionlist::{self, Spanned, spanned, value};
use proc_macro2::{Span, TokenStream};
use syn::parse::ParseStream;
use syn::{Error, Expr, Ident, LitStr, Path, Result, parse_quote};

/// The options as written; what they mean together is for `check` to say.
pub(super) struct Options {
    pub(super) krate: Path,
    pub(super) key: Option<KeyOption>,
    pub(super) prefix: Option<LitStr>,
    pub(super) memo: Option<Spanned<Expr>>,
    pub(super) capacity: Option<Spanned<Expr>>,
    pub(super) local: Option<Span>,
    pub(super) settings: Vec<Setting>,
}

impl Default for Options {
    fn default() -> Self {
        Options::of(parse_quote!(::mementos))
    }
}

impl Options {
    /// None yet, of a crate that is found there.
    pub(super) fn of(krate: Path) -> Self {
        Options {
            krate,
            key: None,
            prefix: None,
            memo: None,
            capacity: None,
            local: None,
            settings: Vec::new(),
        }
    }

    /// Reads the options into `self`.
    pub(super) fn read(&mut self, tokens: TokenStream) -> Result<()> {
        optionlist::read(tokens, |name, input| self.read_one(name, input))
    }

    fn read_one(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        match name.to_string().as_str() {
            "key" => self.key = Some(KeyOption::read(input, name)?),
            "prefix" => self.prefix = Some(value(input, name, r#"prefix = "name""#)?),
            "memo" => self.memo = Some(spanned(input, name, "memo = MEMO")?),
            "capacity" => self.capacity = Some(spanned(input, name, "capacity = 1000")?),
            "local" => self.local = Some(name.span()),
            "crate" => self.krate = optionlist::krate(input, name)?,
            _ => match Setting::read(&self.krate, name, input)? {
                Some(setting) => self.settings.push(setting),
                None => return Err(unknown(name)),
            },
        }
        Ok(())
    }

    /// The setting with this name.
    pub(super) fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }
}

fn unknown(name: &Ident) -> Error {
    let mut known = String::new();
    for one in ["key", "prefix", "memo", "local", "capacity"]
        .into_iter()
        .chain(setting::names())
    {
        known += &format!("`{one}`, ");
    }
    Error::new(
        name.span(),
        format!(
            "unknown option `{name}`: the options are {}and `crate`",
            known.trim_end_matches(", ").to_owned() + " "
        ),
    )
}
