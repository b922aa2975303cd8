//! The commands: one function each.

mod artifacts;
mod cancel;
mod check;
mod completions;
mod doctor;
mod init;
mod plan;
mod resume;
mod run;
mod runs;
mod schema;
mod show;
mod trust;

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
        Command::Init(asked) => init::init(&asked, terminal),
        Command::Check(asked) => check::check(&asked, terminal),
        Command::Plan(asked) => plan::plan(&asked, terminal),
        Command::Run(asked) => in_runtime(run::run(asked, terminal)),
        Command::Resume(asked) => in_runtime(resume::resume(asked, terminal)),
        Command::Runs(asked) => runs::runs(&asked, terminal),
        Command::Show(asked) => show::show(&asked, terminal),
        Command::Cancel(asked) => in_runtime(cancel::cancel(asked, terminal)),
        Command::Artifacts(asked) => artifacts::artifacts(&asked, terminal),
        Command::Doctor(asked) => doctor::doctor(&asked, terminal),
        Command::Trust(asked) => trust::trust(&asked, terminal),
        Command::Schema => schema::schema(terminal),
        Command::Completions(asked) => completions::completions(&asked, terminal),
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
