//! An option that says how results are kept, as the calls that it becomes.

use super::function::Function;
use super::{duration, expand};
use crate::arguments::args;
use crate::attributes::name_at;
use crate::key::calls;
use crate::optionlist::{ungrouped, value};
use crate::place::local;
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprClosure, Ident, Lit, LitStr, Path, Result, Token};

/// The kinds of values that options have.
#[derive(Clone, Copy)]
enum Kind {
    Duration,
    Time,
    Etag,
    Tags,
    /// A name alone says yes.
    Flag,
    Plain,
    Store,
    OnLockTimeout,
    OfValue,
}

/// Every setting: its name, the kind of its value, and how it is written.
const ALL: [(&str, Kind, &str); 26] = [
    ("max_age", Kind::Duration, r#"max_age = "60s""#),
    ("expiry", Kind::Time, "expiry = time"),
    ("etag", Kind::Etag, r#"etag = "v1""#),
    ("max_age_of", Kind::OfValue, "max_age_of = |value| .."),
    ("expiry_of", Kind::OfValue, "expiry_of = |value| .."),
    ("etag_of", Kind::OfValue, "etag_of = |value| .."),
    ("region", Kind::Plain, r#"region = "name""#),
    ("namespace", Kind::Plain, r#"namespace = "name""#),
    ("store", Kind::Store, "store = STORE"),
    ("lock", Kind::Plain, "lock = LOCK"),
    ("timeout", Kind::Duration, r#"timeout = "10s""#),
    (
        "on_lock_timeout",
        Kind::OnLockTimeout,
        r#"on_lock_timeout = "error""#,
    ),
    ("jitter", Kind::Duration, r#"jitter = "5s""#),
    ("error_age", Kind::Duration, r#"error_age = "1s""#),
    ("none_age", Kind::Duration, r#"none_age = "1s""#),
    ("schema", Kind::Plain, "schema = 1"),
    ("tags", Kind::Tags, r#"tags = ["name"]"#),
    ("grouped", Kind::Flag, "grouped = true"),
    ("stale_for", Kind::Duration, r#"stale_for = "1h""#),
    ("stale_for_of", Kind::OfValue, "stale_for_of = |value| .."),
    ("only_fresh", Kind::Flag, "only_fresh = true"),
    ("retry_after", Kind::Duration, r#"retry_after = "30s""#),
    ("soft_timeout", Kind::Duration, r#"soft_timeout = "100ms""#),
    ("hard_timeout", Kind::Duration, r#"hard_timeout = "2s""#),
    ("early_from", Kind::Plain, "early_from = 0.8"),
    ("early_beta", Kind::Plain, "early_beta = 1.0"),
];

/// The names of all settings, for messages.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, ..)| *name)
}

pub(super) struct Setting {
    pub(super) name: Ident,
    value: Value,
}

enum Value {
    /// `"none"`
    None,
    /// The same for all calls.
    Fixed(TokenStream),
    /// The same, and the results must be such as it can keep.
    Store(Expr),
    /// `|a, b| ..`
    OfArguments(ExprClosure),
    /// A function of the fresh value.
    OfOutput(Expr),
}

/// What a setting becomes: a call on `Options`, or on `Rules`.
pub(super) enum Call {
    Option(TokenStream),
    Rule(TokenStream),
}

impl Setting {
    /// Reads the setting with this name, if there is one.
    pub(super) fn read(krate: &Path, name: &Ident, input: ParseStream<'_>) -> Result<Option<Self>> {
        let Some((_, kind, usage)) = ALL.iter().find(|(known, ..)| name == known) else {
            return Ok(None);
        };
        if let Kind::Flag = kind
            && !input.peek(Token![=])
        {
            let (name, value) = (name.clone(), Value::Fixed(quote!(true)));
            return Ok(Some(Setting { name, value }));
        }
        let expr = ungrouped(value(input, name, usage)?);
        Ok(Some(Setting {
            name: name.clone(),
            value: kind.value(krate, name, expr, usage)?,
        }))
    }

    pub(super) fn call(&self, krate: &Path, function: &Function) -> Result<Call> {
        let (name, arguments) = (&self.name, &function.arguments);
        Ok(match &self.value {
            Value::None => {
                let none = name_at(&format!("no_{name}"), name);
                Call::Option(quote!(.#none()))
            }
            Value::Fixed(value) => Call::Option(quote!(.#name(#value))),
            Value::Store(store) => {
                let checked = expand::checked(krate, &function.output, store);
                Call::Option(quote!(.#name(#checked)))
            }
            Value::OfArguments(closure) => {
                let called = calls::closure(closure, arguments, "it does not need")?;
                let (by, args) = (name_at(&format!("{name}_by"), name), args());
                let answer = self.answer(krate, called);
                Call::Rule(quote!(.#by(|#args| #answer)))
            }
            Value::OfOutput(Expr::Closure(closure)) => {
                let output = local("output");
                let called = calls::called(closure, &[quote!(#output)]);
                let answer = self.answer(krate, called);
                Call::Rule(quote!(.#name(|#output| #answer)))
            }
            Value::OfOutput(function) => Call::Rule(quote!(.#name(#function))),
        })
    }

    /// An etag and tags are made on the spot, so that they may borrow what they are made
    /// of.
    fn answer(&self, krate: &Path, called: TokenStream) -> TokenStream {
        if self.name == "etag" || self.name == "etag_of" {
            quote!(#krate::IntoEtag::into_etag(#called))
        } else if self.name == "tags" {
            quote!(#krate::private::tags(#called))
        } else {
            called
        }
    }
}

impl Kind {
    fn value(self, krate: &Path, name: &Ident, expr: Expr, usage: &str) -> Result<Value> {
        if let Kind::OfValue = self {
            return Ok(Value::OfOutput(expr));
        }
        let text = text(&expr);
        if text.is_some_and(|text| text.value() == "none") {
            return Ok(Value::None);
        }
        Ok(match (self, text, expr.clone()) {
            (Kind::Duration, Some(text), _) => Value::Fixed(duration::duration(text)?),
            (Kind::Time, Some(text), _) => Value::Fixed(duration::time(text)?),
            (Kind::OnLockTimeout, Some(text), _) => Value::Fixed(on_lock_timeout(krate, text)?),
            (Kind::Tags, Some(text), _) => Value::Fixed(quote!([#text])),
            (Kind::Duration | Kind::Time, None, Expr::Lit(_)) => {
                return Err(Error::new(
                    expr.span(),
                    format!("a number has no unit: write for instance `{usage}`"),
                ));
            }
            (_, _, Expr::Closure(closure)) => {
                const BY_ARGUMENTS: [&str; 5] = ["max_age", "expiry", "etag", "tags", "stale_for"];
                if !BY_ARGUMENTS.iter().any(|one| name == one) {
                    return Err(Error::new_spanned(
                        quote!(#closure),
                        format!(
                            "`{name}` is the same for all calls: only `max_age`, `expiry`, `etag`, \
                             `tags` and `stale_for` can be functions of the arguments"
                        ),
                    ));
                }
                Value::OfArguments(closure)
            }
            (Kind::Store, _, expr) => Value::Store(expr),
            (_, _, expr) => Value::Fixed(quote!(#expr)),
        })
    }
}

fn text(expr: &Expr) -> Option<&LitStr> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn on_lock_timeout(krate: &Path, text: &LitStr) -> Result<TokenStream> {
    match text.value().as_str() {
        "build" => Ok(quote!(#krate::OnLockTimeout::Build)),
        "error" => Ok(quote!(#krate::OnLockTimeout::Error)),
        _ => Err(Error::new(
            text.span(),
            r#"`on_lock_timeout` is one of "build", "error" and "none""#,
        )),
    }
}
