//! After an error: the block as it was, and what keeps one mistake one message.
//!
//! Callers of `memento` would otherwise be told that it does not exist, once
//! for each call.

use super::check::{Keep, Plan};
use super::constructor::Constructor;
use super::expand;
use super::options::{KeepOption, Options};
use crate::block::functions;
use crate::key::KeyForm;
use proc_macro2::TokenStream;
use syn::{Ident, ItemImpl};

/// Functions with the signatures that the real ones would have had, or nothing
/// where the constructor was not understood.
pub(crate) fn stub(options: &Options, block: &ItemImpl) -> TokenStream {
    let Ok(constructor) = Constructor::find(block, options.with.as_ref()) else {
        return TokenStream::new();
    };
    // A name that is taken would be reported a second time.
    if functions(block).any(|function| taken(&function.sig.ident)) {
        return TokenStream::new();
    }
    let plan = Plan {
        krate: options.krate.clone(),
        key: KeyForm::none(),
        factory: None,
        keep: match &options.keep {
            Some(keep) if keep.value == KeepOption::Static => Keep::Static,
            _ => Keep::Strong,
        },
    };
    expand::generated(block, &constructor, &plan)
}

fn taken(name: &Ident) -> bool {
    let name = name.to_string();
    name == "memento_ref" || name.starts_with("try_memento") || name.starts_with("memento")
}
