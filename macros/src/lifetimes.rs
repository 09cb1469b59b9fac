//! What becomes of lifetimes when a type moves from a function's arguments to
//! an associated type.

use proc_macro2::Span;
use quote::format_ident;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    BoundLifetimes, GenericParam, Ident, Lifetime, ParenthesizedGenericArguments, Signature, Type,
    TypeBareFn, TypeImplTrait, TypeReference,
};

/// The one lifetime of `Args`, shown at `span` but resolved with the
/// rest of the generated code: the type may come out of another macro.
fn borrow(span: Span) -> Lifetime {
    Lifetime::new("'m", Span::call_site().located_at(span))
}

/// The type with every lifetime but `'static` made `'m`, the elided ones too.
pub(crate) fn unified(ty: &Type) -> Type {
    let mut ty = ty.clone();
    Elided { own: 0 }.visit_type_mut(&mut ty);
    each(&mut ty, |lifetime| {
        if lifetime.ident != "static" {
            *lifetime = borrow(lifetime.span());
        }
    });
    ty
}

/// The type with every lifetime made `'static`.
pub(crate) fn owned(ty: &Type) -> Type {
    let mut ty = ty.clone();
    each(&mut ty, |lifetime| {
        lifetime.ident = format_ident!("static", span = lifetime.ident.span());
    });
    ty
}

/// The type with every lifetime but `'static` left to the compiler.
pub(crate) fn inferred(ty: &Type) -> Type {
    let mut ty = ty.clone();
    each(&mut ty, |lifetime| {
        if lifetime.ident != "static" {
            lifetime.ident = format_ident!("_", span = lifetime.ident.span());
        }
    });
    ty
}

/// The first lifetime that is not `'static`, if the type names one.
pub(crate) fn borrowed(ty: &Type) -> Option<Lifetime> {
    let mut found = None;
    each(&mut ty.clone(), |lifetime| {
        if lifetime.ident != "static" && found.is_none() {
            found = Some(lifetime.clone());
        }
    });
    found
}

/// The first `impl Trait` among a function's arguments.
pub(crate) fn impl_trait(signature: &Signature) -> Option<TypeImplTrait> {
    let mut find = FindImplTrait(None);
    for input in &signature.inputs {
        find.visit_fn_arg_mut(&mut input.clone());
    }
    find.0
}

/// The first `impl Trait` anywhere in a signature.
pub(crate) fn impl_trait_of(signature: &Signature) -> Option<TypeImplTrait> {
    let mut find = FindImplTrait(None);
    find.visit_signature_mut(&mut signature.clone());
    find.0
}

/// The first `impl Trait` in a type.
pub(crate) fn impl_trait_in(ty: &Type) -> Option<TypeImplTrait> {
    let mut find = FindImplTrait(None);
    find.visit_type_mut(&mut ty.clone());
    find.0
}

struct FindImplTrait(Option<TypeImplTrait>);

impl VisitMut for FindImplTrait {
    fn visit_type_impl_trait_mut(&mut self, ty: &mut TypeImplTrait) {
        self.0.get_or_insert_with(|| ty.clone());
    }
}

fn each(ty: &mut Type, visit: impl FnMut(&mut Lifetime)) {
    /// The lifetimes that `for<..>` declares inside the type are not ours to
    /// touch. Nor is `'_`: [`Elided`] left it only where it is a `fn`'s own.
    struct Each<F>(Vec<Ident>, F);

    impl<F: FnMut(&mut Lifetime)> VisitMut for Each<F> {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "_" && !self.0.contains(&lifetime.ident) {
                (self.1)(lifetime);
            }
        }

        fn visit_bound_lifetimes_mut(&mut self, bound: &mut BoundLifetimes) {
            self.0
                .extend(bound.lifetimes.iter().filter_map(|param| match param {
                    GenericParam::Lifetime(param) => Some(param.lifetime.ident.clone()),
                    _ => None,
                }));
        }
    }

    Each(Vec::new(), visit).visit_type_mut(ty);
}

/// Writes out what the compiler would have filled in: `&T` and `'_`.
/// Inside `fn(&T)` and `Fn(&T)` they belong to that function.
struct Elided {
    own: usize,
}

impl VisitMut for Elided {
    fn visit_type_reference_mut(&mut self, ty: &mut TypeReference) {
        if self.own == 0 && ty.lifetime.is_none() {
            ty.lifetime = Some(borrow(ty.and_token.span()));
        }
        visit_mut::visit_type_reference_mut(self, ty);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if self.own == 0 && lifetime.ident == "_" {
            *lifetime = borrow(lifetime.span());
        }
    }

    fn visit_type_bare_fn_mut(&mut self, ty: &mut TypeBareFn) {
        self.own += 1;
        visit_mut::visit_type_bare_fn_mut(self, ty);
        self.own -= 1;
    }

    fn visit_parenthesized_generic_arguments_mut(
        &mut self,
        args: &mut ParenthesizedGenericArguments,
    ) {
        self.own += 1;
        visit_mut::visit_parenthesized_generic_arguments_mut(self, args);
        self.own -= 1;
    }
}
