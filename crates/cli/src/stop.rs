//! Signals: what asks the program to end, and what must not end it without a word.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

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

/// The wish that the program ends. It is heard from the first moment on, whoever attends to it.
#[derive(Clone, Debug)]
pub struct Stop {
    haste: watch::Receiver<Haste>,
    /// Who answers it: set once.
    answers: Arc<OnceLock<Answers>>,
}

#[derive(Debug)]
enum Answers {
    /// Whoever follows runs.
    Follower,
    /// The program, before anything is followed.
    Program,
}

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system can't be asked to tell.
    pub fn listen() -> io::Result<Stop> {
        let mut signals = Signals::listen()?;
        let (tell, haste) = watch::channel(Haste::None);
        tokio::spawn(async move {
            let mut haste = Haste::None;
            while tell.send(haste).is_ok() {
                haste = signals.next(haste).await;
            }
        });
        Ok(Stop { haste, answers: Arc::default() })
    }

    /// Completes when the program is asked to end before anybody attends to it.
    pub async fn unattended(mut self) {
        self.hastens(Haste::None).await;
        if self.answers.set(Answers::Program).is_err() {
            std::future::pending().await
        }
    }

    /// From now on the caller stops the work when it is asked for. Waits for ever if that was asked for
    /// before: the program is ending.
    pub async fn attend(&self) {
        if self.answers.set(Answers::Follower).is_err() {
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

/// Makes a file that may not grow any further (`ulimit -f`) an error of whoever writes it; by itself the
/// system would end the program. The programs that it starts are ended all the same: they don't inherit
/// what is listened to, only what is ignored.
///
/// # Errors
/// When the system can't be asked to tell.
pub fn outlive_limits_of_files() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    signal(SignalKind::from_raw(Number::XFSZ.as_raw())).map(drop)
}
