//! Locks that lean towards readers: who reads writes to no memory that other readers
//! write to.
//!
//! An ordinary read lock counts its readers, so two threads that read the same part
//! pass a cache line to and fro, and even a single one pays for two atomic
//! operations. Here each thread has a slot of its own, in which it says which part
//! it reads; whoever writes first takes the bias from the part, and then waits until
//! no slot names it. Without the bias, readers take an ordinary lock, as they do if
//! they have no slot. After some reads of that kind the part gets its bias back, so
//! that a part that is written all the time is not taken it from at every write.
//!
//! This is the idea of Dice and Kogan, "BRAVO: Biased Locking for Reader-Writer
//! Locks" (USENIX ATC 2019), with slots that belong to threads in place of a table
//! that all locks hash into.
//!
//! Why no reader and writer meet:
//!
//! ```text
//!   reader                         writer, with the lock held
//!   R1: slot = this part           W1: biased = false
//!   R2: biased?                    W2: is this part in any slot?
//! ```
//!
//! All four are sequentially consistent, so there is one order of them. If R1 comes
//! before W2, the writer sees the slot and waits. If not, W1 comes before R2, and
//! the reader takes its slot back and asks for the lock. The bias comes back under
//! the lock, so no writer is there then.

#![allow(unsafe_code)]

use crate::sync::raw::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize, RawRwLock, RawRwLockExt as _, pause,
};
use once_cell::sync::OnceCell;
use std::cell::UnsafeCell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::thread::available_parallelism;

/// Parts of something, each behind a lock of its own.
pub(crate) struct Biased<T> {
    parts: Box<[Part<T>]>,
    /// By seat: one more than the number of the part that the thread reads, or 0.
    slots: Box<[Slot]>,
}

/// Two cache lines, which processors fetch together: parts do not disturb each
/// other.
#[repr(align(128))]
struct Part<T> {
    lock: RawRwLock,
    /// Whether a slot is enough to read.
    biased: AtomicBool,
    /// How often the lock was needed to read, since the bias was taken.
    locked_reads: AtomicU32,
    /// How often the part was written. Written with the lock held.
    writes: AtomicU64,
    value: UnsafeCell<T>,
}

#[repr(align(128))]
struct Slot(AtomicUsize);

/// After how many reads by the lock a part gets its bias back. Explored schedules
/// are short.
const ENOUGH: u32 = if cfg!(shuttle) { 2 } else { 32 };

// SAFETY: values are reached by shared reference from several threads at once, and
// by unique reference from one at a time.
unsafe impl<T: Send + Sync> Sync for Biased<T> {}

impl<T> Biased<T> {
    pub(crate) fn new(parts: impl Iterator<Item = T>) -> Self {
        let slots = (4 * cores()).clamp(8, seats::MOST);
        let part = |value| Part {
            lock: RawRwLock::INIT,
            biased: AtomicBool::new(false),
            locked_reads: AtomicU32::new(0),
            writes: AtomicU64::new(0),
            value: UnsafeCell::new(value),
        };
        Biased {
            parts: parts.map(part).collect(),
            slots: (0..slots).map(|_| Slot(AtomicUsize::new(0))).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether this thread has a slot: explored schedules of threads that have none
    /// show nothing.
    #[cfg(all(test, shuttle))]
    #[allow(dead_code)] // in the library's own tests
    pub(crate) fn has_slot(&self) -> bool {
        seats::mine() < self.slots.len()
    }

    /// Hands a part to `read`, which others may read meanwhile.
    #[inline(always)] // a call would pass all that `read` needs by memory
    pub(crate) fn read<R>(&self, number: usize, read: impl FnOnce(&T) -> R) -> R {
        let part = &self.parts[number];
        let slot = self.enter(part, number);
        if slot.is_none() {
            part.lock_to_read();
        }
        let reading = Reading { part, slot };
        // SAFETY: who writes waits until the slot no longer names the part, as argued
        // above, or until the lock is given back.
        let answer = read(unsafe { &*part.value.get() });
        drop(reading);
        answer
    }

    /// The slot that says from here on that this thread reads the part, if the part
    /// is biased, and the thread has one. One that is taken says that this very
    /// thread is reading a part of this whole: it must not be overwritten.
    #[inline]
    fn enter(&self, part: &Part<T>, number: usize) -> Option<&AtomicUsize> {
        if !part.biased.load(Relaxed) {
            return None;
        }
        let Slot(slot) = self.slots.get(seats::mine())?;
        if slot.load(Relaxed) != 0 {
            return None;
        }
        slot.swap(number + 1, SeqCst);
        if part.biased.load(SeqCst) {
            return Some(slot);
        }
        slot.store(0, Release);
        None
    }

    /// Hands a part to `write`, which has it alone.
    #[inline]
    pub(crate) fn write<R>(&self, number: usize, write: impl FnOnce(&mut T) -> R) -> R {
        let part = &self.parts[number];
        part.lock.lock_exclusive();
        let writing = Writing(part);
        if part.biased.load(Relaxed) {
            self.take_bias(number);
        }
        let writes = part.writes.load(Relaxed) + 1;
        part.writes.store(writes, Release);
        // SAFETY: who reads by the lock is kept out by it; who reads by a slot has
        // left, and none comes without the bias, which is not given while the lock
        // is held.
        let answer = write(unsafe { &mut *part.value.get() });
        drop(writing);
        answer
    }

    /// How often the part has been written so far. For who reads it, or has whatever
    /// else orders writes of interest before this.
    pub(crate) fn writes(&self, number: usize) -> u64 {
        self.parts[number].writes.load(Acquire)
    }

    #[cold]
    fn take_bias(&self, number: usize) {
        let part = &self.parts[number];
        part.biased.swap(false, SeqCst);
        part.locked_reads.store(0, Relaxed);
        for Slot(slot) in &self.slots {
            // Most reads are some tens of nanoseconds; one that lists a part is longer.
            let mut rounds = 0;
            while slot.load(SeqCst) == number + 1 {
                rounds += 1;
                pause(rounds);
            }
        }
    }
}

/// How many threads run at once. Asked for once: the system reads files for it.
pub(super) fn cores() -> usize {
    static CORES: OnceCell<usize> = OnceCell::new();
    *CORES.get_or_init(|| available_parallelism().map_or(1, usize::from))
}

impl<T> Part<T> {
    #[cold]
    #[inline(never)]
    fn lock_to_read(&self) {
        self.lock.lock_shared();
        if self.biased.load(Relaxed) {
            // For who has no slot, or is in a read by it already.
            return;
        }
        // Some may be lost where several read at once: it is an estimate.
        let reads = self.locked_reads.load(Relaxed) + 1;
        if reads < ENOUGH {
            self.locked_reads.store(reads, Relaxed);
        } else {
            self.biased.store(true, SeqCst);
        }
    }

    #[cold]
    #[inline(never)]
    fn unlock_to_read(&self) {
        // SAFETY: for who has called `lock_to_read`.
        unsafe { self.lock.unlock_shared() }
    }
}

/// A read under way, by a slot or by the lock. It ends with a panic in it, too.
struct Reading<'b, T> {
    part: &'b Part<T>,
    slot: Option<&'b AtomicUsize>,
}

impl<T> Drop for Reading<'_, T> {
    #[inline]
    fn drop(&mut self) {
        match self.slot {
            // Whatever was read has been read before a writer sees this.
            Some(slot) => slot.store(0, Release),
            None => self.part.unlock_to_read(),
        }
    }
}

/// A write under way.
struct Writing<'b, T>(&'b Part<T>);

impl<T> Drop for Writing<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the lock was acquired before this was made.
        unsafe { self.0.lock.unlock_exclusive() }
    }
}

/// Which slot is whose. A thread takes a seat when it first reads, and gives it back
/// when it ends.
mod seats {
    use super::{Acquire, Relaxed, Release};
    use crate::sync::raw::{AtomicU64, thread_local};
    use std::cell::Cell;

    /// How many there are.
    pub(super) const MOST: usize = u64::BITS as usize;
    /// The thread has not asked yet.
    const UNKNOWN: usize = usize::MAX;
    /// There is none for the thread.
    const NONE: usize = usize::MAX - 1;

    /// A bit for each.
    static TAKEN: AtomicU64 = AtomicU64::new(0);

    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(UNKNOWN) };
        static TAKES: Takes = const { Takes(Cell::new(NONE)) };
    }

    /// The seat that a thread has taken, which it gives back. It does not ask `MINE`
    /// for it: where a thread's variables go one by one, that may be gone before.
    struct Takes(Cell<usize>);

    impl Drop for Takes {
        fn drop(&mut self) {
            // What is still to go on this thread reads by the lock.
            _ = MINE.try_with(|mine| mine.set(NONE));
            if let seat @ 0..MOST = self.0.get() {
                TAKEN.fetch_and(!(1 << seat), Release);
            }
        }
    }

    /// The seat of this thread; a number for which there is no slot, if it has none.
    #[inline]
    pub(super) fn mine() -> usize {
        match MINE.with(Cell::get) {
            UNKNOWN => take(),
            seat => seat,
        }
    }

    #[cold]
    fn take() -> usize {
        let taken = TAKES.try_with(|takes| {
            takes.0.set(lowest_free());
            takes.0.get()
        });
        // There is none where the thread is being torn down.
        let seat = taken.unwrap_or(NONE);
        MINE.with(|mine| mine.set(seat));
        seat
    }

    fn lowest_free() -> usize {
        let free = |taken: u64| (taken != u64::MAX).then(|| taken | (taken + 1));
        match TAKEN.fetch_update(Acquire, Relaxed, free) {
            Ok(before) => before.trailing_ones() as usize,
            Err(_) => NONE,
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;

    fn biased(value: u64) -> Biased<[u64; 4]> {
        let biased = Biased::new([[value; 4]].into_iter());
        (0..=ENOUGH).for_each(|_| biased.read(0, |_| ()));
        assert!(biased.parts[0].biased.load(Relaxed));
        biased
    }

    #[test]
    fn readers_never_see_half_of_a_write() {
        const ROUNDS: u64 = if cfg!(miri) { 100 } else { 20_000 };
        let biased = biased(0);
        let together = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    together.wait();
                    let mut last = 0;
                    while last < ROUNDS {
                        let seen = biased.read(0, |value| *value);
                        assert_eq!(seen, [seen[0]; 4]);
                        assert!(seen[0] >= last, "nothing is read that has been replaced");
                        last = seen[0];
                    }
                });
            }
            together.wait();
            for round in 1..=ROUNDS {
                biased.write(0, |value| value.iter_mut().for_each(|part| *part = round));
            }
        });
    }

    #[test]
    fn a_read_within_a_read_leaves_the_first_in_its_slot() {
        let biased = biased(1);
        let slot = &biased.slots[seats::mine()].0;
        biased.read(0, |outer| {
            assert_eq!(biased.read(0, |inner| inner[0]), outer[0]);
            assert_eq!(slot.load(Relaxed), 1);
        });
        assert_eq!(slot.load(Relaxed), 0);
    }

    #[test]
    fn a_panic_in_a_read_keeps_no_writer_out() {
        let biased = biased(1);
        let panics = || biased.read(0, |_| panic!("on purpose"));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        biased.write(0, |value| value[0] = 2);
        assert_eq!(biased.read(0, |value| value[0]), 2);
    }

    #[test]
    fn reads_by_the_lock_are_not_counted_while_there_is_a_bias() {
        let biased = biased(1);
        biased.parts[0].locked_reads.store(u32::MAX, Relaxed);
        // The inner read needs the lock.
        biased.read(0, |_| biased.read(0, |_| ()));
        biased.write(0, |value| value[0] = 2);
        assert_eq!(biased.read(0, |value| value[0]), 2);
    }

    #[test]
    fn a_seat_is_given_back_when_its_thread_ends() {
        let seat = || std::thread::spawn(seats::mine).join().unwrap();
        let seats: Vec<_> = (0..2 * seats::MOST).map(|_| seat()).collect();
        assert!(seats.iter().all(|seat| *seat < seats::MOST));
    }
}
