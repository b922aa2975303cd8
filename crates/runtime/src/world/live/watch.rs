//! The watch: work that holds its thread is noticed, though it can't be stopped.
//!
//! Each thread that polls work writes down what it polls and since when. A thread of the watch looks at
//! these notes a few times a second, and sleeps while there is no work.

use std::cell::OnceCell;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use crate::world::OnHeld;

/// A poll that takes as long as this is told of.
const HELD_MAX: Duration = Duration::from_secs(2);

/// How often the notes are looked at.
const PAUSE: Duration = Duration::from_millis(250);

/// After so many looks while there was no work, the watch sleeps until there is some.
const IDLE_LOOKS: u32 = 20;

/// Work, and who is told if it holds its thread.
pub(super) struct Watched {
    work: BoxFuture<'static, ()>,
    told: Arc<Told>,
    _at_work: AtWork,
}

struct Told {
    on_held: OnHeld,
    /// It is told once.
    is_told: AtomicBool,
}

/// What a thread polls, and since when.
type Note = Option<(Arc<Told>, Instant)>;

/// Where a thread keeps its note.
type Post = Mutex<Note>;

thread_local! {
    static POST: OnceCell<Arc<Post>> = const { OnceCell::new() };
}

impl Watched {
    pub(super) fn new(work: BoxFuture<'static, ()>, on_held: OnHeld) -> Watched {
        let told = Arc::new(Told { on_held, is_told: AtomicBool::new(false) });
        Watched { work, told, _at_work: AtWork::begin() }
    }
}

impl Future for Watched {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _polling = Polling::begin(&self.told);
        self.work.as_mut().poll(context)
    }
}

/// A poll that goes on; it ends also by a panic.
struct Polling {
    post: Arc<Post>,
    /// What was polled on this thread before, if that polls in turn.
    outer: Note,
}

impl Polling {
    fn begin(told: &Arc<Told>) -> Polling {
        let post = POST.with(|post| post.get_or_init(|| WATCH.post()).clone());
        let outer = lock(&post).replace((told.clone(), Instant::now()));
        Polling { post, outer }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        let ended = std::mem::replace(&mut *lock(&self.post), self.outer.take());
        // Not while the note is locked: it may be the last one, and what it tells is others' to drop.
        drop(ended);
    }
}

/// Who is to be told that `post` has polled the same since long before `now`.
fn held(post: &Post, now: Instant) -> Option<Arc<Told>> {
    let (told, since) = lock(post).clone()?;
    let is_held = now.saturating_duration_since(since) >= HELD_MAX;
    (is_held && !told.is_told.swap(true, Ordering::Relaxed)).then_some(told)
}

/// As long as this is there, the watch looks.
struct AtWork;

impl AtWork {
    fn begin() -> AtWork {
        let mut watch = lock(&WATCH.state);
        watch.at_work += 1;
        if watch.is_asleep {
            WATCH.awake.notify_one();
        }
        AtWork
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        lock(&WATCH.state).at_work -= 1;
    }
}

struct Watch {
    state: Mutex<State>,
    awake: Condvar,
}

struct State {
    posts: Vec<Weak<Post>>,
    /// How much work there is.
    at_work: usize,
    has_thread: bool,
    is_asleep: bool,
}

static WATCH: Watch = Watch {
    state: Mutex::new(State { posts: Vec::new(), at_work: 0, has_thread: false, is_asleep: false }),
    awake: Condvar::new(),
};

impl Watch {
    /// The post of a thread that has none yet.
    fn post(&'static self) -> Arc<Post> {
        let post = Arc::new(Post::default());
        let mut state = lock(&self.state);
        state.posts.retain(|post| post.strong_count() > 0);
        state.posts.push(Arc::downgrade(&post));
        if !state.has_thread {
            let thread = thread::Builder::new().name("motet-watch".to_owned()).spawn(|| self.keep());
            // Without a thread nothing is noticed, which harms nobody; the next one tries again.
            state.has_thread = thread.is_ok();
        }
        post
    }

    fn keep(&self) {
        let mut idle_looks = 0;
        loop {
            let state = self.pause(&mut idle_looks);
            let posts: Vec<Arc<Post>> = state.posts.iter().filter_map(Weak::upgrade).collect();
            drop(state);
            let now = Instant::now();
            posts.iter().filter_map(|post| held(post, now)).for_each(|told| (told.on_held)());
        }
    }

    /// Waits until it is time to look again.
    fn pause(&self, idle_looks: &mut u32) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        *idle_looks = if state.at_work == 0 { *idle_looks + 1 } else { 0 };
        if *idle_looks >= IDLE_LOOKS {
            state.is_asleep = true;
            state = self
                .awake
                .wait_while(state, |state| state.at_work == 0)
                .unwrap_or_else(PoisonError::into_inner);
            state.is_asleep = false;
        }
        drop(state);
        thread::sleep(PAUSE);
        lock(&self.state)
    }
}

/// Nothing panics while one of these is locked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    /// Work that counts how often it is told of.
    fn counted() -> (Arc<AtomicU32>, Arc<Told>) {
        let count = Arc::new(AtomicU32::new(0));
        let counter = count.clone();
        let on_held: OnHeld = Box::new(move || _ = counter.fetch_add(1, Ordering::Relaxed));
        (count, Arc::new(Told { on_held, is_told: AtomicBool::new(false) }))
    }

    /// Looks at this thread as the watch would after a while.
    fn look(after: Duration) {
        let post = POST.with(|post| post.get_or_init(|| WATCH.post()).clone());
        held(&post, Instant::now() + after).into_iter().for_each(|told| (told.on_held)());
    }

    #[test]
    fn a_poll_that_takes_long_is_told_of_once_and_others_are_not() {
        let (count, told) = counted();
        let polling = Polling::begin(&told);
        look(Duration::ZERO);
        assert_eq!(count.load(Ordering::Relaxed), 0);
        look(HELD_MAX);
        look(2 * HELD_MAX);
        assert_eq!(count.load(Ordering::Relaxed), 1);
        drop(polling);

        let (next, told) = counted();
        drop(Polling::begin(&told));
        look(2 * HELD_MAX);
        assert_eq!(next.load(Ordering::Relaxed), 0, "it had ended");
    }

    #[test]
    fn work_that_polls_other_work_is_watched_when_that_has_ended() {
        let ((outer, outer_told), (inner, inner_told)) = (counted(), counted());
        let _polling = Polling::begin(&outer_told);
        drop(Polling::begin(&inner_told));
        look(HELD_MAX);
        assert_eq!((outer.load(Ordering::Relaxed), inner.load(Ordering::Relaxed)), (1, 0));
    }
}
