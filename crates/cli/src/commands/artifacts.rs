//! `motet artifacts`: what a run made, where it lies and what it measures.

use motet::language::Value;
use motet::report::{MASKED, Mask};
use motet::store::{ArtifactRow, RunFilter, RunRow, Store};
use serde_json::json;

use super::show::Shown;
use crate::arguments;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{Project, find_run, shown_path};
use crate::render::line::{Line, Tone};
use crate::render::table::Table;
use crate::render::words::{bytes, measures};
use crate::terminal::Terminal;

pub fn artifacts(asked: &arguments::Artifacts, terminal: &Terminal) -> Result<Exit, Problem> {
    let store = Project::find(None, &asked.store)?.read_store(terminal)?;
    let run = match &asked.run {
        Some(ending) => find_run(&store, ending)?,
        None => newest(&store)?,
    };
    let reporter = Shown::read(&store, run.clone())?.reporter;
    let mask = reporter.mask();
    let rows = store.artifacts(&run.id)?;
    if asked.json {
        for row in &rows {
            let artifact = mask.value(&Value::Media(row.artifact.clone()));
            let record = json!({
                "run": run.id, "step": mask.path(&row.step), "output": row.output, "position": row.position,
                "artifact": reporter.places().value(&artifact),
            });
            terminal.data(&format!("{record}\n"));
        }
        return Ok(Exit::Good);
    }
    if rows.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, format!("run {} has no artifacts", run.id.short())));
    }
    for line in table_of(&rows, &store, mask, terminal) {
        terminal.data_line(&line);
    }
    Ok(Exit::Good)
}

fn newest(store: &Store) -> Result<RunRow, Problem> {
    let rows = store.runs(&RunFilter { limit: Some(1), ..RunFilter::default() })?;
    rows.into_iter().next().ok_or_else(|| Problem::usage("nothing ran in this store yet"))
}

/// A row for each artifact. Paths are to be copied, so nothing is cut.
fn table_of(rows: &[ArtifactRow], store: &Store, mask: &Mask, terminal: &Terminal) -> Vec<Line> {
    let symbols = &terminal.out.symbols;
    let mut table = Table::default();
    for row in rows {
        let step = mask.path(&row.step).to_string();
        let step = if step.is_empty() { "run".to_owned() } else { step };
        if mask.hides(&row.artifact) {
            table.row([
                (Tone::Strong, step),
                (Tone::Plain, row.output.clone()),
                (Tone::Plain, MASKED.into()),
            ]);
            continue;
        }
        table.row([
            (Tone::Strong, step),
            (Tone::Plain, row.output.clone()),
            (Tone::Plain, measures(&row.artifact, symbols.times)),
            (Tone::Plain, bytes(row.artifact.bytes)),
            (Tone::Plain, shown_path(&store.path_of(&row.artifact.digest))),
        ]);
    }
    table.lines(usize::MAX, symbols)
}
