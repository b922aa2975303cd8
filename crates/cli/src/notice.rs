//! Notices: what the library warns of, between the lines of whoever shows runs.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use motet::Warning;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::problem::without_number;
use crate::project::{shown_path, typed_command};
use crate::render::line::{Line, Tone};
use crate::terminal::Terminal;

/// Who writes notices while lines are redrawn.
static LISTENER: Mutex<Option<UnboundedSender<Line>>> = Mutex::new(None);

/// All further notices, for whoever writes them from now on.
pub fn listen() -> UnboundedReceiver<Line> {
    let (tell, notices) = mpsc::unbounded_channel();
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
    notices
}

/// Whether it was said that the mark of the store can't be read. Who looks at the store, and then drives it, would be told twice.
static IS_MARK_TOLD: AtomicBool = AtomicBool::new(false);

/// Writes a warning to standard error, or has it written there.
pub fn warn(terminal: Terminal, warning: &Warning) {
    if matches!(warning, Warning::MarkUnreadable { .. }) && IS_MARK_TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    let line = Line::of(Tone::Doubtful, "warning").plain(format!(": {}", words_for(warning)));
    let listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
    if listener.as_ref().is_none_or(|listener| listener.send(line.clone()).is_err()) {
        terminal.note_line(&line);
    }
}

fn words_for(warning: &Warning) -> String {
    match warning {
        Warning::StoreLocked { store } => format!(
            "another program holds a lock on {}; its runs wait until that program releases it",
            shown_path(&store.join("motet.db"))
        ),
        Warning::StoreUnlocked { store } => {
            format!("the lock on {} is gone; its runs continue", shown_path(&store.join("motet.db")))
        }
        Warning::MarkUnreadable { store, why } => doubt_of_mark(store, why),
        Warning::NoSocket { store, why } => format!(
            "no other command can reach this process, which drives the store {}: there is no control socket ({}); until it \
             ends, `{}`, `resume` and `cancel` are refused there; `runs` and `show` work",
            shown_path(store),
            without_number(why),
            typed_command("run")
        ),
        Warning::OwnerSilent { store, pid } => {
            let who = if *pid == 0 { String::new() } else { format!(" (pid {pid})") };
            let how =
                if *pid == 0 { "`fg` where it was started".to_owned() } else { format!("kill -CONT {pid}") };
            format!(
                "the process that drives the store {}{who} doesn't respond; what was asked of it waits; if it is suspended, \
                 continue it: {how}",
                shown_path(store)
            )
        }
        other => other.to_string(),
    }
}

/// What is said of a store whose mark can't be read.
pub fn doubt_of_mark(store: &Path, why: &str) -> String {
    format!(
        "{} can't be relied on ({why}): if the last turns are missing, it isn't noticed; check with `{}` that all \
         runs are there, and else restore a backup",
        shown_path(&store.join("mark")),
        typed_command("runs")
    )
}
