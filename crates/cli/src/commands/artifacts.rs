//! `motet artifacts`: what a run made, where it lies and what it measures.

use motet::report::ArtifactPlaces;
use motet::store::{ArtifactRow, RunFilter, RunRow, Store};
use serde_json::json;

use crate::arguments;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{Project, find_run, shown_path};
use crate::render::line::{Line, Tone};
use crate::render::table::Table;
use crate::render::words::{bytes, measures};
use crate::terminal::Terminal;

pub fn artifacts(asked: &arguments::Artifacts, terminal: &Terminal) -> Result<Exit, Problem> {
    let store = Project::find(None, &asked.store)?.read_store()?;
    let run = match &asked.run {
        Some(ending) => find_run(&store, ending)?,
        None => newest(&store)?,
    };
    let rows = store.artifacts(&run.id)?;
    if asked.json {
        let places = ArtifactPlaces::in_store(store);
        for row in &rows {
            let record = json!({
                "run": run.id, "step": row.step, "output": row.output, "position": row.position,
                "artifact": places.artifact_json(&row.artifact),
            });
            terminal.data(&format!("{record}\n"));
        }
        return Ok(Exit::Good);
    }
    if rows.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, format!("run {} has no artifacts", run.id.short())));
    }
    for line in table_of(&rows, &store, terminal) {
        terminal.data_line(&line);
    }
    Ok(Exit::Good)
}

fn newest(store: &Store) -> Result<RunRow, Problem> {
    let rows = store.runs(&RunFilter { limit: Some(1), ..RunFilter::default() })?;
    rows.into_iter().next().ok_or_else(|| Problem::usage("nothing ran in this store yet"))
}

/// A row for each artifact. Paths are to be copied, so nothing is cut.
fn table_of(rows: &[ArtifactRow], store: &Store, terminal: &Terminal) -> Vec<Line> {
    let symbols = &terminal.out.symbols;
    let mut table = Table::default();
    for row in rows {
        let step = if row.step.as_str().is_empty() { "run" } else { row.step.as_str() };
        table.row([
            (Tone::Strong, step.to_owned()),
            (Tone::Plain, row.output.clone()),
            (Tone::Plain, measures(&row.artifact, symbols.times)),
            (Tone::Plain, bytes(row.artifact.bytes)),
            (Tone::Plain, shown_path(&store.path_of(&row.artifact.digest))),
        ]);
    }
    table.lines(usize::MAX, symbols)
}
