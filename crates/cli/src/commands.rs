//! The commands: one function each.

mod check;
mod completions;
mod plan;
mod resume;
mod run;

use crate::arguments::Command;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::Terminal;

/// Does what was asked.
///
/// # Errors
/// A problem that says what is wrong and how the program ends.
pub fn run(command: Command, terminal: &Terminal) -> Result<Exit, Problem> {
    match command {
        Command::Check(asked) => check::check(&asked, terminal),
        Command::Plan(asked) => plan::plan(&asked, terminal),
        Command::Run(asked) => in_runtime(run::run(asked, terminal)),
        Command::Resume(asked) => in_runtime(resume::resume(asked, terminal)),
        Command::Completions(asked) => completions::completions(&asked, terminal),
        other => Err(Problem::usage(format!("not there yet: {other:?}"))),
    }
}

/// Runs what waits for the world. Commands that don't are not held up by threads being started.
fn in_runtime(work: impl Future<Output = Result<Exit, Problem>>) -> Result<Exit, Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Exit::Machine, format!("failed to start threads: {error}")))?;
    let outcome = runtime.block_on(work);
    // What is still at work was told to stop; its processes are killed when it is dropped.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    outcome
}
