//! `motet gc`: runs that are over are deleted, and what nobody needs any more is removed.

use motet::Error;
use motet::engine::RunId;
use motet::store::{Leaving, Retention, Store};
use serde_json::json;

use crate::arguments::{self, AdoptFlag};
use crate::exit::Exit;
use crate::follow::now;
use crate::problem::Problem;
use crate::project::{Project, find_run, typed_command};
use crate::render::line::{Line, Tone};
use crate::render::words::{bytes, count};
use crate::terminal::Terminal;

pub async fn gc(asked: arguments::Gc, terminal: Terminal) -> Result<Exit, Problem> {
    let project = Project::find(None, &asked.store)?;
    let store = project.read_store(&terminal)?;
    let leaving = leaving(&store, &asked)?;
    if asked.dry_run {
        told(&leaving, &asked, &terminal);
        return Ok(Exit::Good);
    }
    if !asked.runs.is_empty() {
        let words = cut_off(&store, &leaving)?;
        words.iter().for_each(|words| terminal.note_line(&Line::of(Tone::Doubtful, words)));
    }
    if !leaving.runs.is_empty() && !asked.yes && !is_wanted(&leaving, &terminal)? {
        terminal.note_line(&Line::of(Tone::Plain, "nothing was deleted"));
        return Ok(Exit::Good);
    }
    let session = project.reopen_session(&AdoptFlag::default(), terminal).await?;
    let deleted = session.delete(&leaving.runs).await?;
    let swept = session.sweep().await?;
    session.close().await;
    if asked.json {
        let record = json!({
            "runs": deleted, "files": swept.files, "bytes": swept.bytes, "recent_files": swept.recent_files,
            "recent_bytes": swept.recent_bytes, "in_lineages": leaving.in_lineages,
            "with_open_calls": leaving.with_open_calls, "in_cache": leaving.in_cache, "dry_run": false,
        });
        terminal.data(&format!("{record}\n"));
        return Ok(Exit::Good);
    }
    let files = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX), "file");
    let words = format!(
        " {} deleted, {} freed ({})",
        count(deleted.len(), "run"),
        bytes(swept.bytes),
        files(swept.files)
    );
    terminal.note_line(&Line::of(Tone::Good, terminal.err.symbols.done).plain(words));
    let mut notes = stays(&leaving);
    if leaving.runs.len() > deleted.len() {
        notes.push(format!("{} needed by now, and left", needs(leaving.runs.len() - deleted.len())));
    }
    if swept.recent_files > 0 {
        notes.push(format!(
            "{} ({}) that nothing refers to may be about to be used; a later `motet gc` removes them",
            files(swept.recent_files),
            bytes(swept.recent_bytes)
        ));
    }
    if !deleted.is_empty() {
        notes.push(format!("their costs are kept: {}", typed_command("costs")));
    }
    notes.into_iter().for_each(|note| terminal.note_line(&Line::of(Tone::Dim, format!("  {note}"))));
    Ok(Exit::Good)
}

/// The runs that are to go.
fn leaving(store: &Store, asked: &arguments::Gc) -> Result<Leaving, Problem> {
    if asked.runs.is_empty() {
        let retention = Retention {
            ended_before: asked.older_than.map(|span| now().before(span)),
            statuses: asked.status.iter().copied().collect(),
            keep_bytes: asked.keep_bytes,
            cached_at: (!asked.cached).then(now),
        };
        return Ok(store.leaving(&retention)?);
    }
    let mut all = Leaving::default();
    for ending in &asked.runs {
        let run = find_run(store, ending)?.id;
        let leaving = store.leaving_run(&run)?.map_err(|need| Error::Needed { run, need })?;
        all.runs.extend(leaving.runs);
        all.bytes += leaving.bytes;
    }
    Ok(all)
}

/// The runs that stay and continue from one that goes, if there are some: in words.
fn cut_off(store: &Store, leaving: &Leaving) -> Result<Option<String>, Problem> {
    let mut later = Vec::new();
    for run in &leaving.runs {
        later.extend(store.continued_by(run)?.into_iter().filter(|later| !leaving.runs.contains(later)));
    }
    let names: Vec<&str> = later.iter().map(RunId::short).collect();
    Ok(match &names[..] {
        [] => None,
        [one] => Some(format!("run {one} continues from it, and can't be retried or forked any more")),
        all => Some(format!(
            "runs {} continue from them, and can't be retried or forked any more",
            all.join(", ")
        )),
    })
}

/// Says what would be deleted.
fn told(leaving: &Leaving, asked: &arguments::Gc, terminal: &Terminal) {
    if asked.json {
        let record = json!({
            "runs": leaving.runs, "bytes": leaving.bytes, "in_lineages": leaving.in_lineages,
            "with_open_calls": leaving.with_open_calls, "in_cache": leaving.in_cache, "dry_run": true,
        });
        terminal.data(&format!("{record}\n"));
        return;
    }
    terminal.note_line(&Line::of(Tone::Plain, would_go(leaving)));
    for note in stays(leaving) {
        terminal.note_line(&Line::of(Tone::Dim, format!("  {note}")));
    }
}

fn is_wanted(leaving: &Leaving, terminal: &Terminal) -> Result<bool, Problem> {
    terminal.note_line(&Line::of(Tone::Doubtful, would_go(leaving)));
    terminal.ask("Delete them? [y/N] ").ok_or_else(|| {
        Problem::new(Exit::Usage, "there is no terminal to ask on; nothing was deleted")
            .line("delete them without a question: --yes")
    })
}

fn would_go(leaving: &Leaving) -> String {
    format!(
        "{} would be deleted for good, which frees {}",
        count(leaving.runs.len(), "run"),
        bytes(leaving.bytes)
    )
}

/// What was chosen and stays, and why.
fn stays(leaving: &Leaving) -> Vec<String> {
    let mut notes = Vec::new();
    if leaving.in_lineages > 0 {
        notes
            .push(format!("{} needed by a run that continues from it and stays", needs(leaving.in_lineages)));
    }
    if leaving.in_cache > 0 {
        let words = "in the cache: steps could take their results; delete them too: --cached";
        notes.push(format!("{} {words}", needs(leaving.in_cache)));
    }
    if leaving.with_open_calls > 0 {
        let calls = "of which a call has not ended at its provider";
        notes.push(format!("{} {calls}", count(leaving.with_open_calls, "run")));
    }
    notes
}

fn needs(runs: usize) -> String {
    format!("{} {}", count(runs, "run"), if runs == 1 { "is" } else { "are" })
}
