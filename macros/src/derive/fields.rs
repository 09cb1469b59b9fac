//! Which fields are identity, and how each is compared.

use super::Part;
use crate::keyform::Shape;
use crate::keyoption::Canonical;
use crate::lifetimes;
use syn::{Attribute, Error, Field, Fields, Path, Result, parse_quote};

enum FieldOption {
    Skip,
    Compared(Canonical),
}

pub(super) fn parts(fields: &Fields) -> Result<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    for (field, member) in fields.iter().zip(fields.members()) {
        if let FieldOption::Compared(canonical) = field_option(field)? {
            let shape = Shape::of(&lifetimes::unified(&field.ty), canonical).map_err(skipped)?;
            parts.push(Part {
                member,
                visibility: &field.vis,
                shape,
            });
        }
    }
    Ok(parts)
}

fn skipped(error: Error) -> Error {
    Error::new(
        error.span(),
        format!("{error}: leave the field out with `#[key(skip)]`"),
    )
}

fn field_option(field: &Field) -> Result<FieldOption> {
    let mut found = None;
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("key"))
    {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.require_ident()?;
            if found.is_some() {
                return Err(meta.error("a field has one option: keep one"));
            }
            found = Some(match Canonical::named(name) {
                Some(canonical) => FieldOption::Compared(canonical),
                None if name == "skip" => FieldOption::Skip,
                None => {
                    return Err(meta.error(format!(
                        "unknown option `{name}`: the options of a field are \
                         `skip`, `total`, `content` and `address`"
                    )));
                }
            });
            Ok(())
        })?;
    }
    Ok(found.unwrap_or(FieldOption::Compared(Canonical::ByType)))
}

/// Where `mementos` is found.
pub(super) fn container_option(attributes: &[Attribute]) -> Result<Path> {
    let mut krate = parse_quote!(::mementos);
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("key"))
    {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta
                    .error("unknown option: here it is `crate = path`; others belong on a field"));
            }
            krate = meta.value()?.call(Path::parse_mod_style)?;
            Ok(())
        })?;
    }
    Ok(krate)
}
