//! What the options mean for this function, or the one error that says what to
//! write instead.

use super::function::Function;
use super::options::Options;
use super::setting::Call;
use crate::key::KeyForm;
use crate::optionlist::is_zero;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, Expr, Path, Result};

/// Everything that `expand` needs to know besides the function.
pub(super) struct Plan {
    pub(super) krate: Path,
    pub(super) key: KeyForm,
    /// A literal, or an expression of literals.
    pub(super) name: TokenStream,
    pub(super) memo: Option<Expr>,
    pub(super) capacity: Option<Expr>,
    pub(super) sharing: Sharing,
    /// Calls on `Options`, one after another.
    pub(super) options: TokenStream,
    /// Calls on `Rules`.
    pub(super) rules: TokenStream,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Between all threads.
    Shared,
    /// Each thread has its own.
    Local,
}

impl Sharing {
    pub(super) fn of(options: &Options) -> Self {
        match options.local {
            Some(_) => Sharing::Local,
            None => Sharing::Shared,
        }
    }
}

/// `name` is what the function is called below its module.
pub(super) fn plan(options: &Options, function: &Function, name: &str) -> Result<Plan> {
    check_local(options)?;
    check_async(options, function)?;
    check_capacity(options)?;
    let krate = &options.krate;
    let (mut set, mut rules) = (TokenStream::new(), TokenStream::new());
    for setting in &options.settings {
        match setting.call(krate, function)? {
            Call::Option(call) => set.extend(call),
            Call::Rule(call) => rules.extend(call),
        }
    }
    Ok(Plan {
        krate: krate.clone(),
        key: KeyForm::of(krate, options.key.as_ref(), &function.arguments)?,
        name: match &options.prefix {
            Some(prefix) => quote!(#prefix),
            None => quote!(::core::concat!(::core::module_path!(), "::", #name)),
        },
        memo: options.memo.as_ref().map(|memo| memo.value.clone()),
        capacity: options.capacity.as_ref().map(|most| most.value.clone()),
        sharing: Sharing::of(options),
        options: set,
        rules,
    })
}

/// What only results that are shared have.
fn check_local(options: &Options) -> Result<()> {
    if options.local.is_none() {
        return Ok(());
    }
    let given = |name: &'static str, span: Option<Span>| span.map(|span| (name, span));
    let setting = |name: &'static str| given(name, options.setting(name).map(|s| s.name.span()));
    let found = given("memo", options.memo.as_ref().map(|memo| memo.span))
        .or_else(|| given("capacity", options.capacity.as_ref().map(|most| most.span)))
        .or_else(|| setting("store"))
        .or_else(|| setting("lock"))
        .or_else(|| setting("timeout"))
        .or_else(|| setting("on_lock_timeout"))
        .or_else(|| setting("grouped"))
        .or_else(|| {
            ["stale_for", "stale_for_of", "only_fresh", "retry_after"]
                .into_iter()
                .find_map(setting)
        })
        .or_else(|| {
            ["soft_timeout", "hard_timeout"]
                .into_iter()
                .find_map(setting)
        })
        .or_else(|| ["early_from", "early_beta"].into_iter().find_map(setting));
    match found {
        Some((name, span)) => Err(Error::new(
            span,
            format!("a `local` table is each thread's own and has no `{name}`: remove one of them"),
        )),
        None => Ok(()),
    }
}

/// A future goes from thread to thread.
fn check_async(options: &Options, function: &Function) -> Result<()> {
    let Some(asyncness) = &function.asyncness else {
        return Ok(());
    };
    crate::attributes::check_async(asyncness)?;
    match options.local {
        Some(local) => Err(Error::new(
            local,
            "the future of an `async fn` goes from thread to thread, so its results are shared: \
             remove `local`",
        )),
        None => Ok(()),
    }
}

fn check_capacity(options: &Options) -> Result<()> {
    let Some(capacity) = &options.capacity else {
        return Ok(());
    };
    if is_zero(&capacity.value) {
        return Err(Error::new_spanned(
            &capacity.value,
            "a capacity of 0 keeps nothing: write a larger number, or remove `#[memoize]`",
        ));
    }
    match options.setting("store") {
        Some(_) => Err(Error::new(
            capacity.span,
            "a store has its own bound: give `capacity` or `store`, not both",
        )),
        None => Ok(()),
    }
}
