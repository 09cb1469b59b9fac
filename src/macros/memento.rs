/// Gives a type one shared instance per construction key.
///
/// Put it on the inherent `impl` block that holds the constructor. The block
/// stays as it is, and the type gains an implementation of `Memento` and:
///
/// | function | what it does |
/// |---|---|
/// | `memento(..)` | the kept instance, or a newly built one, as an `Arc` |
/// | `try_memento(..)` | the same, with errors (the constructor's own, circles) as values |
/// | `try_memento_for(timeout, ..)` | the same, with a bound on the wait for somebody else's build |
/// | `mementos()` | the type's own partition of the registry |
/// | `memento_ref(..)` | a `&'static` instance; only with `keep = "static"` |
///
/// They take the constructor's arguments and have its visibility, documentation
/// and `#[cfg]`, `#[deprecated]` and `#[allow]` attributes.
///
/// ```
/// use mementos::memento;
/// use std::sync::Arc;
///
/// struct Thing { name: String }
///
/// #[memento]
/// impl Thing {
///     fn new(name: &str) -> Self { Thing { name: name.to_owned() } }
/// }
///
/// let one = Thing::memento("one");
/// assert!(Arc::ptr_eq(&one, &Thing::memento("one")));
/// assert_eq!(one.name, "one");
/// ```
///
/// # The constructor
///
/// It is `new`, or the function named by `with = …`. It returns `Self`, or a
/// `Result` of it, under whatever name:
///
/// ```
/// # use mementos::memento;
/// struct Port(u16);
///
/// #[memento(with = parse)]
/// impl Port {
///     fn parse(text: &str) -> Result<Self, std::num::ParseIntError> {
///         text.parse().map(Port)
///     }
/// }
///
/// assert_eq!(Port::try_memento("80").unwrap().0, 80);
/// assert!(Port::try_memento("eighty").is_err());
/// ```
///
/// Type parameters belong on the `impl` block, with the bounds that sharing
/// asks for:
///
/// ```
/// # use mementos::{Key, memento};
/// struct Named<T>(T);
///
/// #[memento]
/// impl<T: Key> Named<T> {
///     fn new(name: &T) -> Self { Named(name.clone()) }
/// }
///
/// assert_eq!(Named::memento(&7).0, 7);
/// assert_eq!(Named::memento(&'x').0, 'x');
/// ```
///
/// # The key
///
/// By default all arguments together. A hit borrows them, and allocates
/// nothing: `&str` stands for `String`, `&[T]` for `Vec<T>`, `&Path` for
/// `PathBuf`, and so on through tuples and `Option`. Floats are compared by
/// total order, `HashMap` and `HashSet` by content. A struct of arguments that
/// borrows derives [`Key`](derive@crate::Key).
///
/// `key(..)` names the arguments that are identity. `total(a)`, `content(a)` and
/// `address(a)` ask for a canonical form where the type's name does not show
/// it: a float by total order, a map by content, an `Arc` by address.
///
/// ```
/// # use mementos::memento;
/// # use std::sync::Arc;
/// struct Page { title: String }
///
/// #[memento(key(site, address(style)))]
/// impl Page {
///     fn new(site: &str, style: &Arc<String>, title: String) -> Self {
///         Page { title: format!("{title} - {site} - {style}") }
///     }
/// }
///
/// let plain = Arc::new("plain".to_owned());
/// let first = Page::memento("a.org", &plain, "Home".to_owned());
/// let again = Page::memento("a.org", &plain, "never read".to_owned());
/// assert!(Arc::ptr_eq(&first, &again));
/// assert_eq!(again.title, "Home - a.org - plain");
/// ```
///
/// `key = |..| ..` computes the key. The closure (or the function) is given
/// every argument: a reference as it is, numbers, `bool` and `char` by value,
/// and anything else by reference, or cloned where the closure's parameter has
/// an owned type. With a written return type, `|..| -> K { .. }`, the key is a
/// `K`; without one it is an `AnyKey`.
///
/// ```
/// # use mementos::memento;
/// # use std::sync::Arc;
/// struct Host(String);
///
/// #[memento(key = |name, _port| name.to_lowercase())]
/// impl Host {
///     fn new(name: &str, port: u16) -> Self { Host(format!("{name}:{port}")) }
/// }
///
/// let one = Host::memento("Example.org", 80);
/// assert!(Arc::ptr_eq(&one, &Host::memento("EXAMPLE.ORG", 443)));
/// assert_eq!(one.0, "Example.org:80");
/// ```
///
/// `factory = BY_NAME` takes the key function of a factory that several types
/// share: a `static`, see `memento_factory`.
///
/// # How long instances live
///
/// | option | an instance is kept |
/// |---|---|
/// | `keep = "strong"` | until it is removed; the default |
/// | `keep = "weak"` | while somebody holds it |
/// | `keep = "pinned", capacity = 1000` | like weak, and the last 1000 used are held |
/// | `keep = "static"` | for ever |
///
/// ```
/// # use mementos::memento;
/// struct Unit { name: String }
///
/// #[memento(keep = "static")]
/// impl Unit {
///     fn new(name: &str) -> Self { Unit { name: name.to_owned() } }
/// }
///
/// let metre: &'static Unit = Unit::memento_ref("metre");
/// assert!(std::ptr::eq(metre, Unit::memento_ref("metre")));
/// assert_eq!(metre.name, "metre");
/// ```
///
/// # Constructors that are awaited
///
/// With the feature `async`. `memento` and the others are awaited then; who blocks asks
/// by the trait: `<Page as Memento>::memento("home")`. All share the instances, and each
/// build:
///
/// ```
/// # #[cfg(feature = "async")] {
/// # use mementos::memento;
/// use mementos::Memento;
/// use std::sync::Arc;
///
/// struct Page(String);
///
/// #[memento]
/// impl Page {
///     async fn new(url: &str) -> Self { Page(format!("the page at {url}")) }
/// }
///
/// # mementos::private::block_on(async {
/// let page = Page::memento("home").await;
/// assert!(Arc::ptr_eq(&page, &<Page as Memento>::memento("home")));
/// # });
/// # }
/// ```
///
/// # Another name for the crate
///
/// `crate = path` says where `mementos` is found, when it is re-exported or
/// renamed.
///
/// # Limits
///
/// The constructor takes no `self`, and no `impl Trait` or type
/// parameters of its own: one type has one kind of key. A type with a lifetime
/// parameter cannot be kept. Where the type is more visible than its
/// constructor's arguments, those must be as visible as the type, because they
/// are named by its `Memento` implementation.
pub use mementos_macros::memento;
