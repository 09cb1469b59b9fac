//! What the options mean for this constructor, or the one error that says what
//! to write instead.

use crate::constructor::{self, Constructor};
use crate::key::KeyForm;
use crate::options::{KeepOption, Options};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, ItemImpl, Lit, Path, Result};

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
    let key = KeyForm::of(options, constructor)?;
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

fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(literal) => {
            matches!(&literal.lit, Lit::Int(int) if int.base10_parse::<u64>().is_ok_and(|n| n == 0))
        }
        _ => false,
    }
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
    match constructor::functions(block).find(|function| generated(&function.sig.ident)) {
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
