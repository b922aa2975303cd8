//! Signals: what asks the program to end, and what must not end it without a word.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::arguments::Color;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::threads;

/// Whoever attends to it has so long to end at once.
const GRACE: Duration = Duration::from_secs(1);

/// How much haste there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Haste {
    /// Nobody asked the program to end.
    #[default]
    None,
    /// What is at work is to be stopped in order.
    Orderly,
    /// Asked again, or by Ctrl-\: at once.
    AtOnce,
}

/// The wish that the program ends. It is heard from the first moment on, by a thread of its own.
#[derive(Clone, Debug)]
pub struct Stop {
    haste: watch::Receiver<Haste>,
    stage: Arc<Mutex<Stage>>,
}

/// How far the program has come: who answers when it is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has begun: the thread that listens ends the program.
    Starting,
    /// A command is at work that takes a moment: the same thread ends it.
    AtWork,
    /// A command waits for the world, and nothing is followed yet: the command ends.
    Waiting,
    /// Whoever follows runs stops them.
    Followed,
    /// The program is ending.
    Ending,
}

impl Stop {
    /// Listens from now on. Of a file that may not grow any further (`ulimit -f`), by which the system would end the
    /// program, it listens as well: so it is an error of whoever writes. The programs that are started are ended all the
    /// same: they don't inherit what is listened to, only what is ignored.
    ///
    /// # Errors
    /// When the system can't be asked to tell.
    pub fn listen() -> io::Result<Stop> {
        let runtime = threads::listening()?;
        let mut signals = {
            let _inside = runtime.enter();
            // Where the system won't, the program ends as it would have.
            let _ = signal(SignalKind::from_raw(Number::XFSZ.as_raw()));
            Signals::listen()?
        };
        let (tell, haste) = watch::channel(Haste::None);
        let stop = Stop { haste, stage: Arc::new(Mutex::new(Stage::Starting)) };
        let told = stop.clone();
        let listen = move || {
            runtime.block_on(async {
                let mut haste = Haste::None;
                loop {
                    haste = signals.next(haste).await;
                    told.end_unless_answered();
                    tell.send_replace(haste);
                }
            });
        };
        thread::Builder::new().name("signals".to_owned()).spawn(listen).map(|_| stop)
    }

    /// Ends the program if nobody else will.
    fn end_unless_answered(&self) {
        let mut stage = self.stage();
        let words = match *stage {
            Stage::Starting => "interrupted before anything began",
            Stage::AtWork => "interrupted",
            Stage::Waiting | Stage::Followed | Stage::Ending => return,
        };
        *stage = Stage::Ending;
        drop(stage);
        // Whoever reads may not, and the command may be in the middle of a line.
        let (said, is_said) = mpsc::channel();
        let say = move || Problem::new(Exit::Interrupted, words).show(&Terminal::new(Color::Auto), false);
        let apart = thread::Builder::new().spawn(move || {
            say();
            said.send(())
        });
        match apart {
            Ok(_) => _ = is_said.recv_timeout(GRACE),
            Err(_) => say(),
        }
        std::process::exit(Exit::Interrupted as i32);
    }

    /// The program has come so far. Doesn't return if it is ending.
    pub fn reach(&self, stage: Stage) {
        let mut now = self.stage();
        if *now != Stage::Ending {
            *now = stage;
            return;
        }
        drop(now);
        loop {
            thread::park();
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes when the program is asked to end before anybody attends to it.
    pub async fn unattended(mut self) {
        self.hastens(Haste::None).await;
        let is_first = {
            let mut stage = self.stage();
            let is_first = *stage == Stage::Waiting;
            if is_first {
                *stage = Stage::Ending;
            }
            is_first
        };
        if !is_first {
            std::future::pending().await
        }
    }

    /// From now on the caller stops the work when it is asked for. Waits for ever if that was asked for
    /// before: the program is ending.
    pub async fn attend(&self) {
        let is_ending = {
            let mut stage = self.stage();
            let is_ending = *stage == Stage::Ending;
            if !is_ending {
                *stage = Stage::Followed;
            }
            is_ending
        };
        if is_ending {
            std::future::pending().await
        }
    }

    /// Completes when the program was asked to end at once and whoever attends to it doesn't: it may wait
    /// for somebody to read what it writes.
    pub async fn unheeded(mut self) {
        self.hastens(Haste::Orderly).await;
        tokio::time::sleep(GRACE).await;
    }

    /// How much haste there is now.
    pub fn haste(&self) -> Haste {
        *self.haste.borrow()
    }

    /// Completes when there is more haste than `before`.
    pub async fn hastens(&mut self, before: Haste) -> Haste {
        let more = self.haste.wait_for(|haste| *haste > before).await.map(|haste| *haste);
        match more {
            Ok(haste) => haste,
            // Nobody listens any more: the program is ending.
            Err(_) => std::future::pending().await,
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    /// That the terminal was closed. It asks only once, and only first: a shell and the system may both
    /// tell it, and none of them means to abort.
    hang_up: Option<Signal>,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hang_up: minds_hang_up().then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    /// How much haste there is after the next signal.
    async fn next(&mut self, before: Haste) -> Haste {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        let haste = tokio::select! {
            _ = self.quit.recv() => Haste::AtOnce,
            _ = self.interrupt.recv() => Haste::Orderly,
            _ = self.terminate.recv() => Haste::Orderly,
            _ = hang_up => Haste::Orderly,
        };
        self.hang_up = None;
        if before == Haste::None { haste } else { Haste::AtOnce }
    }
}

/// Whether a closed terminal ends this program: not if it was started with `nohup`, which has the signal
/// ignored. Only where the system tells (Linux); elsewhere the signal is left as it is.
fn minds_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (SignalKind::hangup().as_raw_value() - 1) & 1 == 0)
}
