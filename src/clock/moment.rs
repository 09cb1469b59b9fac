//! When something began, for how long it takes.
//!
//! A reading of the system's precise clock takes some twenty nanoseconds, and a build
//! needs two. Where the processor's own counter runs at one rate, whatever the core
//! and its load, a reading of that takes less than half. How long a tick of it is, is
//! learnt from the system's clock.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// By the system's clock.
    System(Instant),
    /// By the processor's counter, where the length of a tick is known.
    Ticks(u64),
}

impl Moment {
    #[inline]
    pub(crate) fn now() -> Self {
        match counter::nanos_per_tick() {
            Some(_) => Moment::Ticks(counter::read()),
            None => Moment::System(counter::learn()),
        }
    }

    #[inline]
    pub(crate) fn elapsed(self) -> Duration {
        match (self, counter::nanos_per_tick()) {
            (Moment::System(began), _) => began.elapsed(),
            (Moment::Ticks(began), nanos) => {
                let ticks = counter::read().saturating_sub(began);
                Duration::from_nanos((ticks as f64 * nanos.unwrap_or(0.0)) as u64)
            }
        }
    }

    /// The same by the system's clock.
    pub(crate) fn instant(self) -> Instant {
        match self {
            Moment::System(began) => began,
            Moment::Ticks(_) => {
                let now = Instant::now();
                now.checked_sub(self.elapsed()).unwrap_or(now)
            }
        }
    }
}

/// The time-stamp counter. Intel's and AMD's manuals call one that can be used for
/// this "invariant", and the processor says whether its own is.
#[cfg(all(target_arch = "x86_64", not(miri), not(shuttle)))]
#[allow(unsafe_code)]
mod counter {
    use once_cell::sync::OnceCell;
    use parking_lot::Mutex;
    use std::arch::x86_64::{__cpuid, _rdtsc};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    /// The length of a tick in nanoseconds: the bits of a float, or 0 while it is not
    /// known.
    static NANOS_PER_TICK: AtomicU64 = AtomicU64::new(0);

    /// What has been learnt so far.
    static LESSON: Mutex<Lesson> = Mutex::new(Lesson {
        began: None,
        length: 0.0,
    });

    /// For how long a lesson goes on: so long that it is right to one part in ten
    /// thousand, and not so long that the machine is likely to have slept meanwhile.
    const LEAST: Duration = Duration::from_millis(10);
    const MOST: Duration = Duration::from_secs(1);
    /// Between the two readings of the counter around one of the clock. If there is
    /// more, the thread was interrupted there.
    const TICKS_OF_A_READING: u64 = 5_000;

    struct Lesson {
        /// Where it began.
        began: Option<Reading>,
        /// What the one before has shown: two that agree are believed. A machine that was
        /// suspended, or moved, in one of them would be wrong for ever.
        length: f64,
    }

    struct Reading {
        clock: Instant,
        ticks: u64,
    }

    impl Reading {
        fn take() -> (Instant, Option<Reading>) {
            let before = read();
            let clock = Instant::now();
            let took = read().saturating_sub(before);
            let ticks = before + took / 2;
            let sound = (1..TICKS_OF_A_READING).contains(&took);
            (clock, sound.then_some(Reading { clock, ticks }))
        }
    }

    #[inline]
    pub(super) fn nanos_per_tick() -> Option<f64> {
        match NANOS_PER_TICK.load(Ordering::Relaxed) {
            0 => None,
            bits => Some(f64::from_bits(bits)),
        }
    }

    #[inline]
    pub(super) fn read() -> u64 {
        // SAFETY: every processor of this architecture has it.
        unsafe { _rdtsc() }
    }

    /// The time by the system's clock, with which the counter is compared.
    #[cold]
    #[inline(never)]
    pub(super) fn learn() -> Instant {
        if !is_invariant() {
            return Instant::now();
        }
        let (clock, reading) = Reading::take();
        if let (Some(now), Some(mut lesson)) = (reading, LESSON.try_lock())
            && let Some(length) = lesson.learn(now)
        {
            NANOS_PER_TICK.store(length.to_bits(), Ordering::Relaxed);
        }
        clock
    }

    impl Lesson {
        /// The length of a tick, once it is known.
        fn learn(&mut self, now: Reading) -> Option<f64> {
            let Some(began) = &self.began else {
                self.began = Some(now);
                return None;
            };
            let time = now.clock.saturating_duration_since(began.clock);
            let ticks = now.ticks.saturating_sub(began.ticks);
            if time < LEAST {
                return None;
            }
            let before = self.length;
            self.length = match time < MOST && ticks > 0 {
                true => time.as_nanos() as f64 / ticks as f64,
                false => 0.0,
            };
            self.began = Some(now);
            let agree = (self.length - before).abs() < before / 1000.0;
            agree.then_some(self.length)
        }
    }

    /// Asked once: a virtual machine's host has to answer it.
    fn is_invariant() -> bool {
        static IS_INVARIANT: OnceCell<bool> = OnceCell::new();
        *IS_INVARIANT.get_or_init(|| {
            const POWER: u32 = 0x8000_0007;
            // SAFETY: every processor of this architecture has the instruction. (Later
            // compilers know that, and take the call for a safe one.)
            #[allow(unused_unsafe)]
            let (most, power) = unsafe { (__cpuid(0x8000_0000).eax, __cpuid(POWER).edx) };
            most >= POWER && power & (1 << 8) != 0
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn two_lessons_that_agree_are_believed() {
            let start = Instant::now();
            let at = |millis: u64, ticks: u64| Reading {
                clock: start + Duration::from_millis(millis),
                ticks,
            };
            let mut lesson = Lesson {
                began: None,
                length: 0.0,
            };
            assert_eq!(lesson.learn(at(0, 0)), None);
            assert_eq!(lesson.learn(at(5, 15_000_000)), None, "too short");
            assert_eq!(lesson.learn(at(10, 30_000_000)), None, "the first");
            // The machine was suspended: the counter went on, the clock did not.
            assert_eq!(lesson.learn(at(20, 900_000_000)), None);
            assert_eq!(
                lesson.learn(at(30, 930_000_000)),
                None,
                "another than before"
            );
            assert_eq!(lesson.learn(at(40, 960_000_000)), Some(1.0 / 3.0));
            // It was too long, or the counter began anew.
            assert_eq!(lesson.learn(at(5_000, 990_000_000)), None);
            assert_eq!(lesson.learn(at(5_010, 0)), None);
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri), not(shuttle))))]
mod counter {
    use std::time::Instant;

    pub(super) fn nanos_per_tick() -> Option<f64> {
        None
    }

    pub(super) fn read() -> u64 {
        0
    }

    pub(super) fn learn() -> Instant {
        Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment of the kind that a process has once it has run for a while.
    fn after_a_while() -> Moment {
        let began = Instant::now();
        loop {
            let now = Moment::now();
            if matches!(now, Moment::Ticks(_)) || began.elapsed() > Duration::from_millis(100) {
                return now;
            }
        }
    }

    #[test]
    fn it_agrees_with_the_system_s_clock() {
        after_a_while();
        let outer = Instant::now();
        let moment = Moment::now();
        let inner = Instant::now();
        while inner.elapsed() < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        let least = inner.elapsed();
        let took = moment.elapsed();
        let most = outer.elapsed();
        let slack = most / 1000;
        assert!(least <= took + slack, "{moment:?}: {took:?} < {least:?}");
        assert!(took <= most + slack, "{moment:?}: {took:?} > {most:?}");
    }

    #[test]
    fn it_is_a_time_of_the_system_s_clock() {
        let before = Instant::now();
        let moment = after_a_while();
        let after = Instant::now();
        let slack = Duration::from_millis(1);
        assert!(before <= moment.instant() + slack);
        assert!(moment.instant() <= after + slack);
    }
}
