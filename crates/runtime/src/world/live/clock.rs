//! The clock of the real world: it passes as time passes, whatever is done to the machine's wall clock.
//!
//! It begins with the wall clock and continues with the clock that counts since the machine was switched on,
//! its sleep included. That somebody sets the wall clock is no time that passed: the difference is made up
//! for slowly. See `docs/decisions/0012-time-passes-evenly.md`.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use motet_pipeline::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// What time it is in this process. Never earlier than it was before.
///
/// A machine whose wall clock is set before 1970 has negative times.
pub fn now() -> Timestamp {
    static CLOCK: LazyLock<Clock<Machine>> = LazyLock::new(|| Clock::new(Machine));
    CLOCK.now()
}

/// Where the time comes from, in nanoseconds.
trait Sources {
    /// The wall clock: the time since 1970-01-01 UTC.
    fn wall(&self) -> i128;

    /// The time since some moment in the past: it never jumps, and goes on while the machine sleeps.
    fn passed(&self) -> i128;
}

/// The clocks of this machine.
struct Machine;

impl Sources for Machine {
    fn wall(&self) -> i128 {
        let nanoseconds = |span: Duration| i128::try_from(span.as_nanos()).unwrap_or(i128::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => nanoseconds(since),
            Err(before) => -nanoseconds(before.duration()),
        }
    }

    fn passed(&self) -> i128 {
        let now = clock_gettime(SINCE_BOOT);
        i128::from(now.tv_sec) * SECOND + i128::from(now.tv_nsec)
    }
}

/// The clock that goes on while the machine sleeps.
#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::Boottime;
/// The clock that goes on while the machine sleeps, which it does on macOS.
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::Monotonic;

const SECOND: i128 = 1_000_000_000;

/// How often the wall clock is looked at.
const LOOK: i128 = SECOND;

/// To make up for a difference to the wall clock, this clock is faster or slower by one part in so many.
const PARTS: i128 = 20;

struct Clock<S> {
    sources: S,
    last: Mutex<Look>,
}

/// When the wall clock was last looked at.
#[derive(Clone, Copy)]
struct Look {
    /// What this clock showed.
    shown: i128,
    /// What the source that never jumps showed.
    passed: i128,
    /// By how much the wall clock was ahead.
    ahead: i128,
}

impl<S: Sources> Clock<S> {
    fn new(sources: S) -> Clock<S> {
        let look = Look { shown: sources.wall(), passed: sources.passed(), ahead: 0 };
        Clock { last: Mutex::new(look), sources }
    }

    fn now(&self) -> Timestamp {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = self.sources.passed();
        let elapsed = (passed - last.passed).max(0);
        let shown = last.shown + elapsed + last.ahead.clamp(-elapsed / PARTS, elapsed / PARTS);
        if elapsed >= LOOK {
            *last = Look { shown, passed, ahead: self.sources.wall() - shown };
        }
        Timestamp(i64::try_from(shown.div_euclid(1_000_000)).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// Clocks that are set by hand, in milliseconds.
    #[derive(Default)]
    struct Hands {
        wall: AtomicI64,
        passed: AtomicI64,
    }

    impl Sources for Arc<Hands> {
        fn wall(&self) -> i128 {
            i128::from(self.wall.load(Ordering::Relaxed)) * 1_000_000
        }

        fn passed(&self) -> i128 {
            i128::from(self.passed.load(Ordering::Relaxed)) * 1_000_000
        }
    }

    /// A clock that begins at `begin` seconds, and its hands.
    fn clock_at(begin: i64) -> (Arc<Hands>, Clock<Arc<Hands>>) {
        let hands = Arc::new(Hands { wall: (begin * 1000).into(), passed: 77_000.into() });
        (hands.clone(), Clock::new(hands))
    }

    impl Hands {
        fn set_wall(&self, seconds: i64) {
            self.wall.fetch_add(seconds * 1000, Ordering::Relaxed);
        }

        fn pass(&self, milliseconds: i64) {
            self.wall.fetch_add(milliseconds, Ordering::Relaxed);
            self.passed.fetch_add(milliseconds, Ordering::Relaxed);
        }
    }

    /// How much time passes on the clock while so many seconds pass, looked at ten times a second. It never
    /// stands still or goes back.
    fn seconds_shown(hands: &Hands, clock: &Clock<Arc<Hands>>, seconds: i64) -> f64 {
        let before = clock.now();
        let mut last = before;
        for _ in 0..seconds * 10 {
            hands.pass(100);
            let now = clock.now();
            assert!((95..=105).contains(&(now.0 - last.0)), "{} ms after {last}", now.0 - last.0);
            last = now;
        }
        (last.0 - before.0) as f64 / 1000.0
    }

    #[test]
    fn a_clock_that_is_put_forward_is_no_time_that_passed_and_is_followed_slowly() {
        let (hands, clock) = clock_at(1_000_000);
        assert_eq!(seconds_shown(&hands, &clock, 10), 10.0);
        hands.set_wall(35);
        let shown = seconds_shown(&hands, &clock, 100);
        assert!((104.8..=105.0).contains(&shown), "{shown}");
        seconds_shown(&hands, &clock, 700);
        assert_eq!(clock.now(), Timestamp((1_000_000 + 810 + 35) * 1000), "it is caught up with");
        assert_eq!(seconds_shown(&hands, &clock, 100), 100.0, "and no more than that");
    }

    #[test]
    fn a_clock_that_is_put_back_makes_nothing_much_longer() {
        let (hands, clock) = clock_at(1_000_000);
        hands.set_wall(-3_600);
        let shown = seconds_shown(&hands, &clock, 600);
        assert!((570.0..571.0).contains(&shown), "{shown}");
    }

    #[test]
    fn the_sleep_of_the_machine_is_time_that_passed() {
        let (hands, clock) = clock_at(1_000_000);
        let before = clock.now();
        hands.pass(8 * 3_600_000);
        assert_eq!(clock.now().since(before).0, 8 * 3_600_000);
    }

    #[test]
    fn times_before_1970_are_negative_and_pass_as_all_others() {
        let (hands, clock) = clock_at(-86_400);
        assert_eq!(clock.now().to_string(), "1969-12-31T00:00:00.000Z");
        assert_eq!(seconds_shown(&hands, &clock, 10), 10.0);
    }

    #[test]
    fn the_machine_s_own_clocks_go_on() {
        let first = now();
        let wall = i64::try_from(Machine.wall() / 1_000_000).unwrap();
        assert!(first.0.abs_diff(wall) < 60_000);
        assert!(now() >= first);
    }
}
