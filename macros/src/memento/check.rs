//! What the options mean for this constructor, or the one error that says what
//! to write instead.

use super::constructor::Constructor;
use super::options::{KeepOption, Options};
use crate::arguments::args;
use crate::block::functions;
use crate::key::KeyForm;
use crate::optionlist::is_zero;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, ItemImpl, Path, Result};

/// Everything that `expand` needs to know besides the constructor.
pub(crate) struct Plan {
    pub(crate) krate: Path,
    pub(crate) key: KeyForm,
    pub(crate) factory: Option<Expr>,
    pub(crate) keep: Keep,
}

pub(crate) enum Keep {
    Strong,
    Weak,
    Pinned { capacity: Expr },
    Static,
}

pub(crate) fn plan(options: &Options, block: &ItemImpl, constructor: &Constructor) -> Result<Plan> {
    let keep = keep(options)?;
    check_names(block, &keep)?;
    let key = key(options, constructor)?;
    Ok(Plan {
        krate: options.krate.clone(),
        key,
        factory: options.factory.clone(),
        keep,
    })
}

fn keep(options: &Options) -> Result<Keep> {
    let pinned = options
        .keep
        .as_ref()
        .filter(|keep| keep.value == KeepOption::Pinned);
    match (pinned, &options.capacity) {
        (Some(_), Some(capacity)) if is_zero(&capacity.value) => Err(Error::new(
            capacity.value.span(),
            r#"a capacity of 0 pins nothing: write `keep = "weak"`, or a larger number"#,
        )),
        (Some(_), Some(capacity)) => Ok(Keep::Pinned {
            capacity: capacity.value.clone(),
        }),
        (Some(keep), None) => Err(Error::new(
            keep.span,
            r#"say how many to hold: `keep = "pinned", capacity = 1000`"#,
        )),
        (None, Some(capacity)) => Err(Error::new(
            capacity.span,
            r#"only pinned instances have a capacity: add `keep = "pinned"`, or remove it"#,
        )),
        (None, None) => Ok(match options.keep.as_ref().map(|keep| keep.value) {
            Some(KeepOption::Weak) => Keep::Weak,
            Some(KeepOption::Static) => Keep::Static,
            _ => Keep::Strong,
        }),
    }
}

fn key(options: &Options, constructor: &Constructor) -> Result<KeyForm> {
    match (&options.key, &options.factory) {
        (Some(_), Some(factory)) => Err(Error::new_spanned(
            factory,
            "a factory makes the key: give `factory` or `key`, not both",
        )),
        (None, Some(factory)) => Ok(by_factory(&options.krate, factory, constructor)),
        (key, None) => KeyForm::of(&options.krate, key.as_ref(), &constructor.arguments),
    }
}

fn by_factory(krate: &Path, factory: &Expr, constructor: &Constructor) -> KeyForm {
    let (args, output) = (args(), &constructor.output);
    let call = quote!(#krate::private::factory_key::<Self, #output, _>(&#factory, #args));
    KeyForm::computed(krate, &call)
}

/// What is generated must not meet what the block already has.
fn check_names(block: &ItemImpl, keep: &Keep) -> Result<()> {
    let generated = |name: &Ident| {
        name == "memento"
            || name == "try_memento"
            || name == "try_memento_for"
            || name == "mementos"
            || (name == "memento_ref" && matches!(keep, Keep::Static))
    };
    match functions(block).find(|function| generated(&function.sig.ident)) {
        Some(function) => Err(Error::new(
            function.sig.ident.span(),
            format!(
                "`#[memento]` generates `{0}`: give this function another name",
                function.sig.ident
            ),
        )),
        None => Ok(()),
    }
}
