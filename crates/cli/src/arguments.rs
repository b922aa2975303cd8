//! What the user typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs pipelines of many AI models as one durable piece of work.
#[derive(Debug, Parser)]
#[command(name = "motet", version, about, after_help = EXIT_CODES, propagate_version = false)]
pub struct Arguments {
    /// When to use colour; NO_COLOR is honoured.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Tell the causes of an error as well.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 completed, 1 failed, 2 bad usage or check failed, 3 cancelled, 4 parked,
6 store, disk or tool failed, 130 interrupted (resumable).";

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
    /// Say all that is wrong with pipeline files; nothing runs.
    Check(Check),
    /// Show what would run: steps, order, usual times, attempts, defaults; nothing runs.
    Plan(Plan),
    /// Run a pipeline, or go on with an unfinished run of the same file and inputs.
    Run(Run),
    /// Go on with an unfinished run, or with all of them.
    Resume(Resume),
    /// List runs, newest first.
    Runs(Runs),
    /// Tell what happened in a run.
    Show(Show),
    /// Ask a run to end.
    Cancel(Cancel),
    /// List the artifacts of a run: where they lie and what they measure.
    Artifacts(Artifacts),
    /// Look whether this machine and the store are in order.
    Doctor(Doctor),
    /// Print the JSON Schema of pipeline files, for editors.
    Schema,
    /// Print completions for a shell.
    Completions(Completions),
}

/// Where the store is.
#[derive(Args, Clone, Debug, Default)]
pub struct StoreFlag {
    /// The store's folder, or :memory: for one that is thrown away [default: .motet in the project].
    #[arg(long, env = "MOTET_STORE", hide_env_values = true, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// Where outputs go.
#[derive(Args, Clone, Debug, Default)]
pub struct OutFlags {
    /// Lay the outputs out in DIR/RUN [default: out/RUN in the project].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Leave the outputs in the store only.
    #[arg(long, conflicts_with = "out")]
    pub no_out: bool,
}

#[derive(Args, Debug)]
pub struct Init {
    /// The folder of the project; made if needed.
    #[arg(default_value = ".", value_name = "DIR")]
    pub folder: PathBuf,
}

#[derive(Args, Debug)]
pub struct Check {
    /// Pipeline files.
    #[arg(required_unless_present = "explain", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one JSON record a finding.
    #[arg(long)]
    pub json: bool,
    /// Tell what a rule is about, such as `type`.
    #[arg(long, value_name = "CODE")]
    pub explain: Option<String>,
}

#[derive(Args, Debug)]
pub struct Plan {
    /// The pipeline file.
    pub file: PathBuf,
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
    /// An input; @FILE takes it from a file, @@ stands for a leading @.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// A JSON file with inputs by name; media are paths seen from its folder.
    #[arg(long = "inputs", value_name = "FILE")]
    pub inputs_file: Option<PathBuf>,
    /// On whose behalf.
    #[arg(long)]
    pub user: Option<String>,
    /// A label.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub labels: Vec<String>,
    /// Name the run; a run of this name is gone on with, or told again.
    #[arg(long, value_name = "NAME")]
    pub id: Option<String>,
    /// Start another run even if an unfinished one is the same.
    #[arg(long)]
    pub new: bool,
    /// Print one JSON event a line, the end of the run last.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub out: OutFlags,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Resume {
    /// The end of the run's id; all unfinished runs if not given.
    pub run: Option<String>,
    /// Print one JSON event a line, the end of each run last.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub out: OutFlags,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Runs {
    /// Only with this status.
    #[arg(long, value_parser = ["queued", "running", "parked", "completed", "failed", "cancelled"])]
    pub status: Option<String>,
    /// Only of this pipeline.
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Only with this label.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub labels: Vec<String>,
    /// The newest so many.
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub limit: usize,
    /// Print one JSON record a run.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Show {
    /// The end of the run's id.
    pub run: String,
    /// Tell all about one step or item, such as `shots[k3]/still`.
    #[arg(long, value_name = "PATH")]
    pub step: Option<String>,
    /// Every event of the journal with its time.
    #[arg(long, conflicts_with = "step")]
    pub journal: bool,
    /// A bar for every step: waiting and working.
    #[arg(long, conflicts_with_all = ["step", "journal"])]
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
    /// Why, for the record.
    #[arg(long, default_value = "cancelled on the command line")]
    pub reason: String,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Artifacts {
    /// The end of the run's id; the newest run if not given.
    pub run: Option<String>,
    /// Print one JSON record an artifact.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Doctor {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

#[derive(Args, Debug)]
pub struct Completions {
    /// The shell.
    pub shell: clap_complete::Shell,
}
