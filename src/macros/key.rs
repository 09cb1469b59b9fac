/// Makes a struct of arguments fit for a key.
///
/// Generates `PartialEq`, `Eq` and `Hash`, field by field, with a canonical
/// form for what has no equality of its own: floats (also in `Vec`, slices and
/// arrays) by total order, `HashMap` and `HashSet` by content; also inside
/// `Option` and tuples. `Clone` and `Debug`, which a key needs too, are derived
/// as usual.
///
/// With `Default`, arguments have names and defaults, and calls that mean the
/// same have the same key:
///
/// ```
/// use mementos::{Key, memento};
/// use std::sync::Arc;
///
/// #[derive(Clone, Debug, Default, Key)]
/// struct Args { width: f64, height: f64, title: Option<String> }
///
/// struct Window(Args);
///
/// #[memento]
/// impl Window {
///     fn new(args: Args) -> Self { Window(args) }
/// }
///
/// let one = Window::memento(Args { height: 2.0, ..Default::default() });
/// let two = Window::memento(Args { width: 0.0, height: 2.0, title: None });
/// assert!(Arc::ptr_eq(&one, &two));
/// assert_eq!(one.0.height, 2.0);
/// ```
///
/// # Options of a field
///
/// | option | what it does |
/// |---|---|
/// | `#[key(skip)]` | leaves the field out of identity |
/// | `#[key(total)]` | total order, where the type's name does not show a float |
/// | `#[key(content)]` | by content, where it does not show a map or a set |
/// | `#[key(address)]` | an `Arc` by address |
///
/// On the struct, `#[key(crate = path)]` says where `mementos` is found.
///
/// # With lifetimes
///
/// A struct that borrows also implements `Argument`, and gains an owned twin,
/// `<Name>Key`, that is kept as its key. A hit makes no twin.
///
/// ```
/// # use mementos::{Key, memento};
/// # use std::sync::Arc;
/// #[derive(Clone, Debug, Default, Key)]
/// struct Query<'a> {
///     table: &'a str,
///     columns: &'a [u32],
///     #[key(skip)]
///     comment: &'a str,
/// }
///
/// struct Plan(String);
///
/// #[memento]
/// impl Plan {
///     fn new(query: Query<'_>) -> Self { Plan(format!("{query:?}")) }
/// }
///
/// let one = Plan::memento(Query { table: "users", ..Default::default() });
/// let two = Plan::memento(Query { table: "users", comment: "again", ..Default::default() });
/// assert!(Arc::ptr_eq(&one, &two));
/// assert!(one.0.contains("users"));
/// ```
///
/// Type parameters are bound by `Eq + Hash`, and by `Key` for the twin. An enum
/// can derive this if it has no lifetimes.
pub use mementos_macros::Key;
