//! What the user typed.

mod dead;
mod examples;
mod gc;
mod lineage;
mod lock;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use motet::language::{Money, StepPath};

pub use dead::{Chosen, Dead, DeadCommand, DeadList, DeadShow, Discard, Redrive};
pub use gc::Gc;
pub use lineage::{Fork, Retry, SpendingFlags, Undo};
pub use lock::Lock;

/// Runs pipelines of many AI models as one durable piece of work.
#[derive(Debug, Parser)]
#[command(name = "motet", version, after_help = examples::BEGIN, max_term_width = 100)]
pub struct Arguments {
    /// When to use colour; NO_COLOR is honoured.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = EVERYWHERE)]
    pub color: Color,
    /// Also show the causes of an error.
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// The heading of the options that every command takes.
const EVERYWHERE: &str = "Global options";

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up a project: settings and a first pipeline that runs without a key.
    Init(Init),
    /// Check pipeline files and report everything that is wrong; nothing runs.
    #[command(after_help = examples::CHECK)]
    Check(Check),
    /// Show what would run: steps, order, usual durations, costs, attempts, defaults; nothing runs.
    #[command(after_help = examples::PLAN)]
    Plan(Plan),
    /// Record in motet.lock which models, contracts and prices a pipeline was made with.
    #[command(after_help = examples::LOCK)]
    Lock(Lock),
    /// Run a pipeline, or resume an unfinished run of the same file and inputs.
    #[command(after_help = examples::RUN)]
    Run(Box<Run>),
    /// Resume an unfinished run, or all of them.
    #[command(after_help = examples::RESUME)]
    Resume(Resume),
    /// Run a failed or cancelled run again: what is finished is kept, the rest is done.
    #[command(after_help = examples::RETRY)]
    Retry(Retry),
    /// Continue from a run that is over, with other inputs, an edited pipeline, or new takes.
    #[command(after_help = examples::FORK)]
    Fork(Fork),
    /// Undo a run that is over: do what its steps say under `undo`, in reverse order.
    #[command(after_help = examples::UNDO)]
    Undo(Undo),
    /// List runs, newest first.
    #[command(after_help = examples::RUNS)]
    Runs(Runs),
    /// Show what happened in a run.
    #[command(after_help = examples::SHOW)]
    Show(Show),
    /// Cancel a run, or one step or item of it.
    #[command(after_help = examples::CANCEL)]
    Cancel(Cancel),
    /// Manage dead letters: failed runs that nobody has retried or discarded.
    #[command(after_help = examples::DEAD)]
    Dead(Dead),
    /// Decide about a call whose outcome is unknown: send it again, count it as failed, or name its job.
    #[command(after_help = examples::RESOLVE)]
    Resolve(Resolve),
    /// Show what was spent (reported, computed, possibly billed, wasted) and what was saved.
    #[command(after_help = examples::COSTS)]
    Costs(Costs),
    /// List the artifacts of a run, with their paths, sizes and durations.
    Artifacts(Artifacts),
    /// Check this machine and the store.
    Doctor(Doctor),
    /// Delete runs that have ended, and files that nothing uses any more. What the runs cost stays known.
    #[command(after_help = examples::GC)]
    Gc(Gc),
    /// Copy the store, even while runs are active.
    #[command(after_help = examples::STORE)]
    Store(Store),
    /// List models, show what one takes, gives and costs, or add one.
    Models(Models),
    /// Show the providers: the names of their keys, and what holds calls back.
    Providers(Providers),
    /// Drive all runs of the store until it is stopped, and receive webhooks from providers.
    #[command(after_help = examples::SERVE)]
    Serve(Serve),
    /// Simulate providers: real protocols, real media, no money. Prints one JSON line when it is ready.
    #[command(after_help = examples::SIM)]
    Sim(Sim),
    /// Let a project use the programs and folders that its motet.toml names.
    #[command(after_help = examples::TRUST)]
    Trust(Trust),
    /// Print the JSON Schema of pipeline files, for editors.
    #[command(after_help = examples::SCHEMA)]
    Schema,
    /// Print completions for a shell.
    #[command(after_help = examples::COMPLETIONS)]
    Completions(Completions),
}

impl Command {
    /// Whether data is printed as JSON.
    pub fn is_json(&self) -> bool {
        match self {
            Command::Check(asked) => asked.json,
            Command::Plan(asked) => asked.json,
            Command::Run(asked) => asked.driving.follow.json,
            Command::Resume(asked) => asked.driving.follow.json,
            Command::Retry(asked) => asked.driving.follow.json,
            Command::Undo(asked) => asked.driving.follow.json,
            Command::Fork(asked) => asked.driving.follow.json,
            Command::Resolve(asked) => asked.follow.json,
            Command::Runs(asked) => asked.json,
            Command::Show(asked) => asked.json,
            Command::Costs(asked) => asked.json,
            Command::Models(Models { command: ModelsCommand::List(asked) }) => asked.json,
            Command::Models(Models { command: ModelsCommand::Show(asked) }) => asked.json,
            Command::Providers(asked) => asked.json,
            Command::Serve(asked) => asked.json,
            Command::Artifacts(asked) => asked.json,
            Command::Doctor(asked) => asked.json,
            Command::Gc(asked) => asked.json,
            Command::Store(Store { command: StoreCommand::Backup(asked) }) => asked.json,
            Command::Dead(asked) => asked.is_json(),
            Command::Init(_)
            | Command::Lock(_)
            | Command::Models(Models { command: ModelsCommand::Add(_) })
            | Command::Cancel(_)
            | Command::Sim(_)
            | Command::Trust(_)
            | Command::Schema
            | Command::Completions(_) => false,
        }
    }
}

/// Where the store is.
#[derive(Args, Clone, Debug, Default)]
pub struct StoreFlag {
    /// The store's folder, or :memory: for one that isn't kept [default: MOTET_STORE,
    /// or else .motet in the project].
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// Whose store it may be.
#[derive(Args, Clone, Debug, Default)]
pub struct AdoptFlag {
    /// Take over a store that another user or machine made; from now on it is yours.
    #[arg(long)]
    pub adopt: bool,
}

/// How runs are followed, and where their outputs go.
#[derive(Args, Clone, Debug, Default)]
pub struct FollowFlags {
    /// Print one JSON event per line; each run's end comes last.
    #[arg(long)]
    pub json: bool,
    /// Write the outputs to DIR/RUN [default: out/RUN in the project].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Leave the outputs in the store only.
    #[arg(long, conflicts_with = "out")]
    pub no_out: bool,
}

/// How runs are driven and followed, and in which store.
#[derive(Args, Clone, Debug, Default)]
pub struct DrivingFlags {
    #[command(flatten)]
    pub follow: FollowFlags,
    #[command(flatten)]
    pub store: StoreFlag,
    #[command(flatten)]
    pub adopt: AdoptFlag,
}

#[derive(Args, Debug)]
pub struct Init {
    /// The folder of the project; created if needed.
    #[arg(default_value = ".", value_name = "DIR")]
    pub folder: PathBuf,
}

#[derive(Args, Debug)]
pub struct Check {
    /// Pipeline files.
    #[arg(required_unless_present = "explain", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one JSON record per finding.
    #[arg(long)]
    pub json: bool,
    /// Explain a rule, such as `type`.
    #[arg(long, value_name = "CODE")]
    pub explain: Option<String>,
}

/// Whether providers are asked in earnest.
#[derive(Args, Clone, Debug, Default)]
pub struct WorldFlags {
    /// Ask simulated providers: those at URL, else a simulator of the project's own. Nothing is paid, no key is
    /// needed. The store is .motet/sim, whatever MOTET_STORE says, unless --store names another.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "",
        conflicts_with_all = ["record", "replay"])]
    pub sim: Option<String>,
    /// Record every exchange with providers in DIR, without secrets.
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Ask no provider: answer from what was recorded in DIR.
    #[arg(long, value_name = "DIR")]
    pub replay: Option<PathBuf>,
}

/// `--sim URL` as `--sim=URL`: what follows `--sim` otherwise is the next argument.
pub fn with_addresses_joined(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    for word in words {
        let is_address =
            word.to_str().is_some_and(|word| word.starts_with("http://") || word.starts_with("https://"));
        match joined.last_mut() {
            Some(last) if is_address && last == "--sim" => {
                last.push("=");
                last.push(word);
            }
            _ => joined.push(word),
        }
    }
    joined
}

/// What a run is given.
#[derive(Args, Clone, Debug, Default)]
pub struct InputFlags {
    /// An input; may be repeated. @FILE reads it from a file, @@ stands for a leading @. For a
    /// list of media, each @FILE adds one, and @'FOLDER/*.png' all that match.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// A JSON file with inputs by name; media are paths relative to its folder.
    #[arg(long = "inputs", value_name = "FILE")]
    pub inputs_file: Option<PathBuf>,
}

impl InputFlags {
    pub fn are_none(&self) -> bool {
        self.inputs.is_empty() && self.inputs_file.is_none()
    }
}

#[derive(Args, Debug)]
pub struct Plan {
    /// The pipeline file.
    pub file: PathBuf,
    #[command(flatten)]
    pub given: InputFlags,
    /// Also write a quote to OUT: what a run with these inputs may spend. It is valid for a week.
    #[arg(long, value_name = "OUT")]
    pub quote: Option<PathBuf>,
    /// Show what a fork of this run would reuse, what would run and why, and what that costs. Inputs that aren't given are
    /// those of the run.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["quote", "mermaid"])]
    pub against: Option<String>,
    /// With --against: a step or item that gets another seed, as `motet fork --fresh` does; may be repeated.
    #[arg(long, value_name = "PATH", value_parser = lineage::path, requires = "against")]
    pub fresh: Vec<StepPath>,
    /// Print the plan as JSON.
    #[arg(long)]
    pub json: bool,
    /// Print the graph as a Mermaid diagram.
    #[arg(long, conflicts_with = "json")]
    pub mermaid: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Run {
    /// The pipeline file.
    pub file: PathBuf,
    #[command(flatten)]
    pub given: InputFlags,
    /// The most that it may spend, in US dollars, such as 2.50 [default: the `budget` of the pipeline]. With 0 every step that
    /// costs is parked.
    #[arg(long, value_name = "DOLLARS", value_parser = dollars)]
    pub budget: Option<Money>,
    /// A quote that `motet plan --quote` wrote: its high end is the most that the run may spend. Refused if the pipeline,
    /// the inputs or the prices have changed since, or if it has expired.
    #[arg(long, value_name = "FILE", conflicts_with = "budget")]
    pub quote: Option<PathBuf>,
    /// Don't ask before a run that may be expensive, or whose cost is unknown.
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub world: WorldFlags,
    /// The user on whose behalf it runs; recorded with the run.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// A label to find the run by; may be repeated.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub labels: Vec<String>,
    /// Name the run; resumes an existing run of this name, or shows its result.
    #[arg(long, value_name = "NAME")]
    pub id: Option<String>,
    /// Start a new run even if the same one is unfinished.
    #[arg(long)]
    pub new: bool,
    #[command(flatten)]
    pub cache: CacheFlags,
    #[command(flatten)]
    pub driving: DrivingFlags,
}

#[derive(Args, Debug)]
pub struct CacheFlags {
    /// Do every step, even where `cache` could take its result from another run.
    #[arg(long)]
    pub no_cache: bool,
}

#[derive(Args, Debug)]
pub struct Resume {
    /// The end of the run's id; all unfinished runs if not given.
    pub run: Option<String>,
    /// The most that the run may spend from now on, with what it has spent already, in US dollars. 0 is a budget too: with it
    /// every step that costs is parked.
    #[arg(long, value_name = "DOLLARS", value_parser = dollars, requires = "run")]
    pub budget: Option<Money>,
    #[command(flatten)]
    pub driving: DrivingFlags,
}

#[derive(Args, Debug)]
pub struct Runs {
    /// Show only runs with this status.
    #[arg(long, value_parser = ["queued", "running", "parked", "completed", "failed", "cancelled"])]
    pub status: Option<String>,
    /// Show only runs of this pipeline.
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Show only runs with this label.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub labels: Vec<String>,
    /// Show at most this many runs.
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = count_of_runs)]
    pub limit: usize,
    /// Print one JSON record per run.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Show {
    /// The end of the run's id; without it, the newest run.
    pub run: Option<String>,
    /// Show all details of one step or item, such as `shots[k3]/still`.
    #[arg(long, value_name = "PATH")]
    pub step: Option<String>,
    /// List the items of a step, such as `shots`, in the order of their paths.
    #[arg(long, value_name = "PATH", conflicts_with = "step")]
    pub items: Option<String>,
    /// List only items with this status.
    #[arg(long, requires = "items", value_parser = ["waiting", "running", "sleeping", "parked",
        "completed", "failed", "skipped", "cancelled"])]
    pub status: Option<String>,
    /// Show every event of the journal with its time.
    #[arg(long, conflicts_with_all = ["step", "items"])]
    pub journal: bool,
    /// Draw a bar for every step: waiting and working.
    #[arg(long, conflicts_with_all = ["step", "items", "journal"])]
    pub timeline: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Cancel {
    /// The end of the run's id.
    pub run: String,
    /// Only this step or item, such as `clip`, `shots[k3]` or `shots[k3]/still`; the run continues without it if it is
    /// optional.
    #[arg(value_parser = lineage::path)]
    pub path: Option<StepPath>,
    /// The reason, recorded with the run.
    #[arg(long)]
    pub reason: Option<String>,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Resolve {
    /// The end of the run's id.
    pub run: String,
    /// The step or item, such as `still` or `shots[k3]/still`.
    pub step: String,
    /// `send` starts a new attempt, which may cost again; `fail` counts the attempt as failed; `job=ID`
    /// names the provider's job, whose result is then awaited. Each ends the search for the call, if Motet still looks
    /// for it at the provider.
    #[arg(value_parser = crate::commands::resolve::read_decision)]
    pub decision: motet::engine::Decision,
    #[command(flatten)]
    pub follow: FollowFlags,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Costs {
    /// The end of the run's id; all runs if not given.
    pub run: Option<String>,
    /// How amounts are grouped [default: run, or step for one run].
    #[arg(long, value_enum, value_name = "WHAT")]
    pub by: Option<CostsBy>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

/// What costs are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CostsBy {
    Run,
    Step,
    Model,
    Day,
    User,
}

impl CostsBy {
    pub fn word(self) -> &'static str {
        match self {
            CostsBy::Run => "run",
            CostsBy::Step => "step",
            CostsBy::Model => "model",
            CostsBy::Day => "day",
            CostsBy::User => "user",
        }
    }
}

#[derive(Args, Debug)]
pub struct Artifacts {
    /// The end of the run's id; the newest run if not given.
    pub run: Option<String>,
    /// Print one JSON record per artifact.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Doctor {
    /// Also compare every table of the store with its journal.
    #[arg(long)]
    pub verify: bool,
    /// Rebuild the tables from the journal, in one transaction.
    #[arg(long)]
    pub rebuild: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Store {
    #[command(subcommand)]
    pub command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy the store with all its artifacts to another folder, even while a process drives it. The copy
    /// is a store like any other: use it with --store DIR.
    Backup(Backup),
}

#[derive(Args, Debug)]
pub struct Backup {
    /// Where the copy goes: an empty folder, or one that doesn't exist yet.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Models {
    #[command(subcommand)]
    pub command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List models, with their prices.
    List(ModelsList),
    /// Show what a model takes, gives and costs.
    Show(ModelsShow),
    /// Add a model to the project, as its provider describes it: writes a data file into the folder models/.
    #[command(after_help = examples::MODELS_ADD)]
    Add(ModelsAdd),
}

#[derive(Args, Debug)]
pub struct ModelsAdd {
    /// OWNER/NAME or OWNER/NAME:VERSION of Replicate, fal-ai/… of fal; or as in `uses`, with the provider in front.
    pub name: String,
    /// Replace the file if there is one; with this, a model that comes with Motet can be replaced, too.
    #[arg(long)]
    pub replace: bool,
    /// Ask a simulated provider: the one at URL, else a simulator of the project's own.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub sim: Option<String>,
}

#[derive(Args, Debug)]
pub struct ModelsList {
    /// List only models whose name or summary contains this.
    pub pattern: Option<String>,
    /// Print one JSON record per model.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct ModelsShow {
    /// The model's name, as in `uses`.
    pub name: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Providers {
    /// Print one JSON record per provider.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Serve {
    /// Where to listen: ADDRESS:PORT, or a port of this machine; port 0 for any that is free.
    #[arg(long, default_value = "127.0.0.1:8477", value_name = "ADDR", value_parser = place_to_listen)]
    pub listen: SocketAddr,
    /// The public address under which providers reach it; else `webhook.url` in motet.toml.
    #[arg(long, value_name = "URL")]
    pub webhook_url: Option<String>,
    /// Ask simulated providers: those at URL, else a simulator of the project's own. The store is .motet/sim,
    /// whatever MOTET_STORE says, unless --store names another.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub sim: Option<String>,
    /// Print the line that says it is ready as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
    #[command(flatten)]
    pub adopt: AdoptFlag,
}

impl Serve {
    pub fn world(&self) -> WorldFlags {
        WorldFlags { sim: self.sim.clone(), ..WorldFlags::default() }
    }
}

#[derive(Args, Debug)]
pub struct Sim {
    /// The port on this machine; 0 for any that is free.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub port: u16,
    /// The seed of everything that is random.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// A YAML file that says what goes wrong.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// How many times faster jobs go than at the real providers.
    #[arg(long, default_value_t = 1.0, value_name = "X", value_parser = speed)]
    pub speed: f64,
    /// Where jobs are kept, so that the next simulator there continues with them.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Also listen on a port for each provider, without a prefix.
    #[arg(long)]
    pub separate_ports: bool,
}

#[derive(Args, Debug)]
pub struct Trust {
    /// A folder of the project, or a file in it.
    #[arg(default_value = ".", value_name = "PATH")]
    pub path: PathBuf,
    /// Don't ask for confirmation: you have read what is granted.
    #[arg(short, long)]
    pub yes: bool,
    /// List the projects that are trusted.
    #[arg(long, conflicts_with_all = ["path", "yes"])]
    pub list: bool,
    /// Stop trusting the project.
    #[arg(long, conflicts_with_all = ["yes", "list"])]
    pub revoke: bool,
}

#[derive(Args, Debug)]
pub struct Completions {
    /// The shell.
    pub shell: clap_complete::Shell,
}

fn count_of_runs(typed: &str) -> Result<usize, String> {
    match typed.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("must be a whole number".to_owned()),
    }
}

fn place_to_listen(typed: &str) -> Result<SocketAddr, String> {
    let local = |port: &str| port.parse().ok().map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)));
    let named = typed.strip_prefix("localhost:").or_else(|| typed.strip_prefix(':')).unwrap_or(typed);
    let place = typed.parse().ok().or_else(|| local(named));
    place.ok_or_else(|| "write an address with its port, such as 127.0.0.1:8477, or a port".to_owned())
}

fn speed(typed: &str) -> Result<f64, String> {
    let speed = typed.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0);
    speed.ok_or_else(|| "must be a number above 0".to_owned())
}

/// An amount of US dollars that isn't negative.
fn dollars(typed: &str) -> Result<Money, String> {
    let amount = typed.strip_prefix('$').unwrap_or(typed).parse::<Money>();
    amount
        .ok()
        .filter(|amount| *amount >= Money::ZERO)
        .ok_or_else(|| "write dollars, such as 2.50".to_owned())
}
