//! One instance per key, one computation per key.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

pub mod error;
mod factory;
mod flight;
pub mod key;
#[cfg(feature = "macros")]
mod macros;
mod memento;
#[doc(hidden)]
pub mod private;
mod registry;
pub mod store;
mod sync;

pub use error::BuildError;
pub use factory::{FactoryBuilder, FactoryId, KeyFunction, MementoFactory, memento_factory};
pub use key::Key;
#[cfg(feature = "macros")]
pub use macros::{Key, memento};
pub use memento::{Keep, Memento, Mementos, Outcome};
pub use registry::{Building, Claim, Claimed, Partition, Registry, Row, Snapshot, Stats};
