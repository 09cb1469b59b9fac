use crate::{explore, spawn_here};
use mementos::memento;
use shuttle::sync::Mutex;
use std::sync::Arc;

macro_rules! kept {
    ($module:ident, $($option:tt)*) => {
        mod $module {
            use super::*;

            struct Thing;

            #[memento($($option)*)]
            impl Thing {
                fn new(_n: u32) -> Self {
                    Thing
                }
            }

            #[test]
            fn two_live_handles_are_one_instance() {
                explore(|| {
                    let shown: Arc<Mutex<Option<Arc<Thing>>>> = Arc::default();
                    let threads: Vec<_> = (0..3)
                        .map(|_| {
                            let shown = Arc::clone(&shown);
                            spawn_here(move || {
                                for _ in 0..2 {
                                    let mine = Thing::memento(1);
                                    let mut shown = shown.lock().unwrap();
                                    match shown.take() {
                                        Some(other) => assert!(Arc::ptr_eq(&mine, &other)),
                                        None => *shown = Some(mine),
                                    }
                                }
                                // Sweeping takes nothing that is alive.
                                Thing::mementos().sweep();
                            })
                        })
                        .collect();
                    for thread in threads {
                        thread.join().unwrap();
                    }
                    let held = shown.lock().unwrap().take();
                    if let Some(held) = held {
                        assert!(Arc::ptr_eq(&held, &Thing::memento(1)));
                    }
                });
            }

            #[test]
            fn what_is_removed_is_let_go() {
                explore(|| {
                    let held = Thing::memento(1);
                    let asks = spawn_here(|| drop(Thing::memento(1)));
                    Thing::mementos().remove(1);
                    asks.join().unwrap();
                    Thing::mementos().remove(1);
                    assert_eq!(Arc::strong_count(&held), 1);
                });
            }
        }
    };
}

kept!(weak, keep = "weak");
kept!(pinned, keep = "pinned", capacity = 1);
