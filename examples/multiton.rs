//! A tour: what can be asked of a type with one instance per key.
//!
//! `cargo run --example multiton`

use mementos::{BuildError, Claimed, MementoFactory, Registry, memento, memento_factory};
use std::any::TypeId;
use std::num::ParseIntError;
use std::sync::Arc;

/// The plain form: all arguments are the key.
struct Colour {
    name: String,
    alpha: u8,
}

#[memento]
impl Colour {
    fn new(name: &str, alpha: u8) -> Self {
        Colour {
            name: name.to_owned(),
            alpha,
        }
    }
}

/// Some arguments are the key: the first call's `greeting` stays.
struct Guest {
    greeting: String,
}

#[memento(key(name))]
impl Guest {
    fn new(name: &str, greeting: &str) -> Self {
        Guest {
            greeting: format!("{greeting}, {name}!"),
        }
    }
}

/// The key is computed: upper and lower case are one host.
struct Host(String);

#[memento(key = |name: &str, _port: u16| -> String { name.to_lowercase() })]
impl Host {
    fn new(name: &str, port: u16) -> Self {
        Host(format!("{name}:{port}"))
    }
}

/// A key function that several types share. They do not meet in it.
static BY_FIRST_WORD: MementoFactory<fn(TypeId, &&str) -> String> =
    memento_factory("ByFirstWord").key(|_, text| first_word(text).to_owned());

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

struct Author(String);
struct Title(String);

#[memento(factory = BY_FIRST_WORD)]
impl Author {
    fn new(text: &str) -> Self {
        Author(text.to_owned())
    }
}

#[memento(factory = BY_FIRST_WORD)]
impl Title {
    fn new(text: &str) -> Self {
        Title(text.to_owned())
    }
}

/// Kept while somebody holds one, and the last two in any case.
struct Tile(u32);

#[memento(keep = "pinned", capacity = 2)]
impl Tile {
    fn new(number: u32) -> Self {
        Tile(number)
    }
}

/// Kept for ever, and so to be had by plain reference.
struct Unit {
    symbol: String,
}

#[memento(keep = "static")]
impl Unit {
    fn new(symbol: &str) -> Self {
        Unit {
            symbol: symbol.to_owned(),
        }
    }
}

/// The constructor may fail, and have another name.
#[derive(Debug)]
struct Port(u16);

#[memento(with = parse)]
impl Port {
    fn parse(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Port)
    }
}

/// Every chapter refers to the next, and the last, by mistake, to the first.
#[derive(Debug)]
struct Chapter {
    _next: Arc<Chapter>,
}

#[memento]
impl Chapter {
    fn new(number: u32) -> Self {
        Chapter {
            _next: Chapter::memento((number + 1) % 3),
        }
    }
}

fn main() {
    one_instance_per_key();
    choosing_the_key();
    choosing_how_long();
    failing();
    looking_inside();
}

fn one_instance_per_key() {
    let red = Colour::memento("red", 255);
    let again = Colour::memento("red", 255);
    assert!(Arc::ptr_eq(&red, &again));
    assert!(!Arc::ptr_eq(&red, &Colour::memento("red", 128)));
    println!(
        "{} at {} is one instance, however often it is asked for",
        red.name, red.alpha
    );
}

fn choosing_the_key() {
    Guest::memento("Ada", "Good morning");
    let guest = Guest::memento("Ada", "Good night");
    assert_eq!(guest.greeting, "Good morning, Ada!");
    println!(
        "key(name): the first call decided, and it said {:?}",
        guest.greeting
    );

    let host = Host::memento("Example.org", 80);
    assert!(Arc::ptr_eq(&host, &Host::memento("EXAMPLE.ORG", 443)));
    println!("key = |..|: EXAMPLE.ORG is {}", host.0);

    let author = Author::memento("Emma Bovary");
    let title = Title::memento("Emma, by Jane Austen");
    assert!(Arc::ptr_eq(&author, &Author::memento("Emma Woodhouse")));
    assert_eq!(title.0, "Emma, by Jane Austen");
    println!(
        "factory: Emma is the author {:?} and the title {:?}",
        author.0, title.0
    );
}

fn choosing_how_long() {
    let held = Tile::memento(0);
    (1..10).for_each(|number| drop(Tile::memento(number)));
    assert_eq!(Tile::mementos().len(), 3);
    assert!(Arc::ptr_eq(&held, &Tile::memento(0)));
    println!(
        "pinned: of ten tiles there were the last two used, and the held tile {}",
        held.0
    );

    let metre: &'static Unit = Unit::memento_ref("m");
    assert!(std::ptr::eq(metre, Unit::memento_ref("m")));
    println!("static: {} is there for ever", metre.symbol);
}

fn failing() {
    assert_eq!(Port::try_memento("8080").expect("it is a number").0, 8080);
    let error = Port::try_memento("http").expect_err("it is not a number");
    assert!(matches!(error, BuildError::Failed(_)));
    println!("a constructor's error: {error}");
    assert!(!Port::mementos().contains("http"), "a failure is not kept");

    let error = Chapter::try_memento(0).expect_err("the chapters go round in a circle");
    let circle = error.circle().expect("it is a circle");
    assert_eq!(circle.sites().len(), 3);
    println!("a circle of constructors: {circle}");
}

fn looking_inside() {
    let colours = Colour::mementos();
    assert_eq!(colours.len(), 2);
    assert!(
        colours.peek(("green", 255)).is_none(),
        "nothing is built by looking"
    );

    let red = colours.remove(("red", 255)).expect("it was there");
    assert!(!Arc::ptr_eq(&red, &Colour::memento("red", 255)));
    println!(
        "removed: whoever holds the old {} keeps it, the next to ask gets a new one",
        red.name
    );

    match colours
        .claim(("green", 255))
        .expect("nobody else is about to build it")
    {
        Claimed::Kept(_) => unreachable!("it was not there"),
        Claimed::Vacant(claim) => {
            claim.fill(Colour {
                name: "filled in by hand".to_owned(),
                alpha: 255,
            });
        }
    }
    assert_eq!(Colour::memento("green", 255).name, "filled in by hand");
    println!("claimed: green was {}", Colour::memento("green", 255).name);

    println!("\n{}", Registry::global().snapshot());
}
