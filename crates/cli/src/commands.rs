//! The commands: one function each.

mod artifacts;
mod cancel;
mod check;
mod completions;
mod costs;
mod dead;
mod doctor;
mod fork;
mod gc;
mod init;
mod lock;
mod models;
mod plan;
mod providers;
pub mod resolve;
mod resume;
mod retry;
mod run;
mod runs;
mod schema;
mod serve;
mod show;
mod sim;
mod store;
mod trust;
mod undo;

use crate::arguments::{Command, ModelsCommand};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::typed_command;
use crate::stop::{Stage, Stop};
use crate::terminal::Terminal;
use crate::threads;

/// Does what was asked.
///
/// # Errors
/// A problem that says what is wrong and how the program ends.
pub fn run(command: Command, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    stop.reach(Stage::AtWork);
    match command {
        Command::Init(asked) => init::init(&asked, &terminal),
        Command::Check(asked) => check::check(&asked, &terminal),
        Command::Plan(asked) => match (asked.quote.clone(), asked.against.clone()) {
            (Some(out), _) => while_wanted(stop, |_| plan::quote(asked, out, terminal)),
            (None, Some(run)) => while_wanted(stop, |_| plan::against(asked, run, terminal)),
            (None, None) => plan::plan(&asked, &terminal),
        },
        Command::Lock(asked) => lock::lock(&asked, &terminal),
        Command::Run(asked) => while_wanted(stop, |stop| run::run(*asked, terminal, stop)),
        Command::Resume(asked) => while_wanted(stop, |stop| resume::resume(asked, terminal, stop)),
        Command::Undo(asked) => while_wanted(stop, |stop| undo::undo(asked, terminal, stop)),
        Command::Retry(asked) => while_wanted(stop, |stop| retry::retry(asked, terminal, stop)),
        Command::Fork(asked) => while_wanted(stop, |stop| fork::fork(asked, terminal, stop)),
        Command::Runs(asked) => runs::runs(&asked, &terminal),
        Command::Show(asked) => show::show(&asked, &terminal),
        Command::Cancel(asked) => while_wanted(stop, |stop| cancel::cancel(asked, terminal, stop)),
        Command::Dead(asked) => dead::dead(asked, terminal, stop),
        Command::Resolve(asked) => while_wanted(stop, |stop| resolve::resolve(asked, terminal, stop)),
        Command::Costs(asked) => costs::costs(&asked, &terminal),
        Command::Artifacts(asked) => artifacts::artifacts(&asked, &terminal),
        Command::Doctor(asked) if asked.rebuild => while_wanted(stop, |_| doctor::rebuild(asked, terminal)),
        Command::Doctor(asked) => doctor::doctor(&asked, &terminal),
        Command::Gc(asked) => while_wanted(stop, |_| gc::gc(asked, terminal)),
        Command::Store(asked) => while_wanted(stop, |stop| store::store(asked, terminal, stop)),
        Command::Models(asked) => match asked.command {
            ModelsCommand::List(asked) => models::list(&asked, &terminal),
            ModelsCommand::Show(asked) => models::show(&asked, &terminal),
            ModelsCommand::Add(asked) => while_wanted(stop, |_| models::add(asked, terminal)),
        },
        Command::Providers(asked) => providers::providers(&asked, &terminal),
        Command::Serve(asked) => while_wanted(stop, |stop| serve::serve(asked, terminal, stop)),
        Command::Sim(asked) => while_wanted(stop, |stop| sim::sim(asked, terminal, stop)),
        Command::Trust(asked) => trust::trust(&asked, &terminal),
        Command::Schema => schema::schema(&terminal),
        Command::Completions(asked) => completions::completions(&asked, &terminal),
    }
}

/// Does what waits for the world, unless the program is asked to end before anything is followed.
/// Commands that don't wait are not held up by threads being started.
fn while_wanted<Work>(stop: Stop, begin: impl FnOnce(Stop) -> Work) -> Result<Exit, Problem>
where
    Work: Future<Output = Result<Exit, Problem>> + Send + 'static,
{
    stop.reach(Stage::Waiting);
    let runtime = threads::begin().map_err(|error| Problem::refused("start threads", &error))?;
    let outcome = runtime.block_on(async {
        // On a thread of its own: opening a store may hold it up, and so may whoever reads what is written.
        let (work, runtime) = (begin(stop.clone()), tokio::runtime::Handle::current());
        let work = tokio::task::spawn_blocking(move || runtime.block_on(work));
        tokio::select! {
            done = work => done.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic())),
            () = stop.clone().unattended() => {
                Err(Problem::new(Exit::Interrupted, "interrupted before it started")
                    .line(format!("if a run was started anyway, it is kept: {}", what_is_kept())))
            }
            () = stop.unheeded() => {
                Err(Problem::new(Exit::Interrupted, "aborted: what is done is kept, not all of it was shown")
                    .line(what_is_kept()))
            }
            error = threads::lacking() => {
                Err(Problem::refused("start more threads", &error)
                    .line(format!("what is done is kept: {}", what_is_kept())))
            }
        }
    });
    // What is still at work was told to stop; its processes are killed when it is dropped.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    outcome
}

/// The commands that find an interrupted run again.
fn what_is_kept() -> String {
    format!("{}, {}", typed_command("runs"), typed_command("resume"))
}
