use crate::{explore, spawn_here};
use mementos::memento;
use shuttle::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Arc;
use std::time::Duration;

/// Asks for its neighbour on a ring.
#[derive(Debug)]
struct Ring;

#[memento]
impl Ring {
    fn new(at: u32, of: u32) -> Self {
        Ring::memento((at + 1) % of, of);
        Ring
    }
}

fn circle_of(threads: u32) {
    explore(move || {
        let builders: Vec<_> = (0..threads)
            .map(|at| spawn_here(move || Ring::try_memento(at, threads).unwrap_err()))
            .collect();
        for builder in builders {
            let error = builder.join().unwrap();
            let named = error.circle().unwrap_or_else(|| panic!("{error:?}"));
            assert_eq!(named.sites().len(), threads as usize, "{named}");
        }
        assert!(Ring::mementos().is_empty());
        assert!(Ring::mementos().building().is_empty());
    });
}

#[test]
fn a_circle_over_two_threads_is_an_error() {
    circle_of(2);
}

#[test]
fn a_circle_over_three_threads_is_an_error() {
    circle_of(3);
}

/// `top` needs both sides, and both need `bottom`: no circle, however the
/// threads meet.
struct Diamond {
    below: Vec<Arc<Diamond>>,
}

#[memento]
impl Diamond {
    fn new(name: &'static str) -> Self {
        let below: &[&str] = match name {
            "top" => &["left", "right"],
            "left" | "right" => &["bottom"],
            _ => &[],
        };
        Diamond {
            below: below.iter().map(|name| Diamond::memento(name)).collect(),
        }
    }
}

#[test]
fn a_diamond_is_not_a_circle() {
    explore(|| {
        let builders: Vec<_> = ["top", "right", "left"]
            .map(|name| spawn_here(move || Diamond::try_memento(name).map(drop)))
            .into_iter()
            .collect();
        for builder in builders {
            builder.join().unwrap().unwrap();
        }
        let top = Diamond::memento("top");
        assert!(Arc::ptr_eq(&top.below[0].below[0], &top.below[1].below[0]));
        assert_eq!(Diamond::mementos().stats().builds, 4);
    });
}

/// Gives up on its neighbour at once; then its neighbour may wait for it.
#[derive(Debug)]
struct Hasty;

#[memento(key(name))]
impl Hasty {
    fn new(name: &'static str, gave_up: &Arc<AtomicBool>) -> Self {
        if name == "hasty" {
            let _ = Hasty::try_memento_for(Duration::ZERO, "patient", gave_up);
            gave_up.store(true, SeqCst);
        } else {
            let no_circle = gave_up.load(SeqCst);
            // With a limit too: that is told of every edge that is there.
            let hasty = Hasty::try_memento_for(Duration::ZERO, "hasty", gave_up);
            let circle = matches!(&hasty, Err(error) if error.circle().is_some());
            assert!(!(circle && no_circle), "{hasty:?}");
        }
        Hasty
    }
}

#[test]
fn a_wait_that_was_given_up_is_not_part_of_a_circle() {
    explore(|| {
        let gave_up = Arc::new(AtomicBool::new(false));
        let builders: Vec<_> = ["hasty", "patient"]
            .map(|name| {
                let gave_up = Arc::clone(&gave_up);
                spawn_here(move || Hasty::try_memento(name, &gave_up).map(drop))
            })
            .into_iter()
            .collect();
        for builder in builders {
            builder.join().unwrap().unwrap();
        }
    });
}
