//! Pages to read.
//!
//! - [`recipes`]: how to say what one usually wants to say.
//! - [`limitations`]: what does not work, and what costs more than it looks.

#[doc = include_str!("recipes.md")]
pub mod recipes {}

#[doc = include_str!("limitations.md")]
pub mod limitations {}
