//! `motet store`: looking after the store as a whole.

use motet::settings::StorePlace;
use serde_json::json;

use crate::arguments::{self, StoreCommand};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{Project, shown_path, typed_path, working_folder};
use crate::render::line::{Line, Tone};
use crate::render::words::{bytes, count};
use crate::stop::{Haste, Stop};
use crate::terminal::Terminal;

pub async fn store(asked: arguments::Store, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    match &asked.command {
        StoreCommand::Backup(asked) => {
            stop.attend().await;
            backup(asked, &terminal, &|| stop.haste() == Haste::None)
        }
    }
}

fn backup(
    asked: &arguments::Backup,
    terminal: &Terminal,
    is_wanted: &dyn Fn() -> bool,
) -> Result<Exit, Problem> {
    let project = Project::find(None, &asked.store)?;
    if project.place == StorePlace::Memory {
        return Err(Problem::usage("a store in memory ends with its process; there is nothing to copy"));
    }
    if asked.folder.as_os_str() == ":memory:" {
        return Err(Problem::usage("a copy in memory would end with this process; nothing is copied")
            .line("name an empty folder, or one that doesn't exist yet"));
    }
    let store = project.read_store(terminal)?;
    let folder = working_folder()?.join(&asked.folder);
    let made = store.backup_while(&folder, is_wanted)?;
    if asked.json {
        let record = json!({
            "store": store.folder(), "backup": folder, "runs": made.runs,
            "artifacts": made.artifacts, "artifact_bytes": made.artifact_bytes,
        });
        terminal.data(&format!("{record}\n"));
        return Ok(Exit::Good);
    }
    let held = format!(
        "{}: {}, {}, {} of artifacts",
        shown_path(&folder),
        count(usize::try_from(made.runs).unwrap_or(usize::MAX), "run"),
        count(usize::try_from(made.artifacts).unwrap_or(usize::MAX), "artifact"),
        bytes(made.artifact_bytes)
    );
    terminal.note_line(&Line::of(Tone::Good, terminal.err.symbols.done).plain(format!(" {held}")));
    let next = format!("  motet runs --store {}", typed_path(&folder));
    terminal.note_line(&Line::of(Tone::Dim, next));
    Ok(Exit::Good)
}
