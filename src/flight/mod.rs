//! Flights: one build in progress per key; others join it and wait.
//!
//! A flight only coordinates. It knows nothing of stores, types or registries:
//! [`Flights::fly`] is handed a way to look, a way to build and a way to publish.
//!
//! | part | does one thing |
//! |---|---|
//! | `flights` | the flights under way, by key: join, lead, void |
//! | `flight` | one flight's life: building, publishing, landed; and waiting for it |
//! | `lead` | what the leader does: look again, build, publish, land; blocking or awaiting |
//! | `graph` | which flights wait for which; refuses a circle |
//! | `chain` | which flights the code on this thread works for |
//! | `promise` | what a job will bring, and those wait for who are inside a build |
//! | `lent` | handles that do not count, for who knows that another one is there |

mod chain;
#[allow(clippy::module_inception)]
mod flight;
mod flights;
mod graph;
mod lead;
mod lent;
mod promise;

pub(crate) use chain::{Catching, Entered, Part, catching, enter, innermost_build, works_for_any};
pub(crate) use flight::{Flight, Landing, Patience};
pub(crate) use flights::{Flights, Leaders, Ticket};
pub(crate) use graph::{Limit, Node, edges};
#[cfg(feature = "async")]
pub(crate) use lead::Awaits;
pub(crate) use lead::{
    Blocks, Flown, How, Lead, Made, Plan, Publish, Stopped, message_of, raise, thrown_circle,
};
pub(crate) use promise::Promise;
