//! Instances that go when nobody holds them.
//!
//! A document shares one font per name and size. When the last text that uses a
//! font is gone, so is the font, and its memory with it.
//!
//! `cargo run --example weak`

use mementos::memento;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

static LOADED: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Font {
    name: String,
    glyphs: Vec<u8>,
}

#[memento(keep = "weak", with = load)]
impl Font {
    fn load(name: &str, size: u32) -> Self {
        LOADED.fetch_add(1, Ordering::Relaxed);
        Font {
            name: name.to_owned(),
            glyphs: vec![0; 64 * size as usize],
        }
    }
}

impl Drop for Font {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

struct Text {
    font: Arc<Font>,
}

impl Text {
    fn set_in(font: &str) -> Self {
        Text {
            font: Font::memento(font, 12),
        }
    }
}

fn main() {
    let mut document: Vec<Text> = (0..1000).map(|_| Text::set_in("Serif")).collect();
    document.push(Text::set_in("Mono"));
    say("a thousand texts in Serif and one in Mono");
    assert_eq!((loaded(), alive()), (2, 2));

    let mono = document.pop().expect("it was pushed");
    println!(
        "  the last text is in {}, {} bytes",
        mono.font.name,
        mono.font.glyphs.len()
    );
    drop(mono);
    say("without the text in Mono");
    assert_eq!((loaded(), alive()), (2, 1));
    assert!(Font::mementos().peek(("Mono", 12)).is_none());

    drop(Text::set_in("Mono"));
    say("Mono came back for a moment: built anew");
    assert_eq!((loaded(), alive()), (3, 1));

    // The entry of a dead instance is small. It goes when the store next grows,
    // or at once if somebody says so.
    assert_eq!(Font::mementos().sweep(), 1);

    for size in 0..100_000 {
        drop(Font::memento("Serif", size % 7 + 20));
    }
    say("a hundred thousand uses that nobody held on to");
    assert_eq!(alive(), 1);

    assert!(
        document
            .iter()
            .all(|text| Arc::ptr_eq(&text.font, &document[0].font))
    );
    drop(document);
    say("without the document");
    assert_eq!((alive(), Font::mementos().len()), (0, 0));
    assert_eq!(DROPPED.load(Ordering::Relaxed), loaded());
}

fn say(when: &str) {
    println!("{when}: {} loaded so far, {} alive", loaded(), alive());
}

fn loaded() -> usize {
    LOADED.load(Ordering::Relaxed)
}

/// As the registry sees it.
fn alive() -> usize {
    Font::mementos().len()
}
