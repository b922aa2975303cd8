//! What was typed about runs that are to be deleted.

use clap::Args;
use motet::language::Span;
use motet::store::RunStatus;

use super::StoreFlag;
use super::dead::span;

#[derive(Args, Debug)]
pub struct Gc {
    /// The ends of the ids of single runs to delete.
    #[arg(value_name = "RUN", conflicts_with_all = ["older_than", "status", "keep_bytes", "cached"])]
    pub runs: Vec<String>,
    /// Delete runs that ended before this time, such as 12h or 30d.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub older_than: Option<Span>,
    /// Delete only runs with this status: completed, failed, cancelled; separate several by commas.
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status)]
    pub status: Vec<RunStatus>,
    /// Delete the oldest runs until files take up no more than this, such as 10GB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub keep_bytes: Option<u64>,
    /// Also delete runs whose results steps with `cache` could still take.
    #[arg(long)]
    pub cached: bool,
    /// Only say what would be deleted.
    #[arg(long)]
    pub dry_run: bool,
    /// Don't ask before runs are deleted.
    #[arg(long)]
    pub yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreFlag,
}

fn status(typed: &str) -> Result<RunStatus, String> {
    let status = typed.parse::<RunStatus>().ok().filter(|status| status.is_final());
    status.ok_or_else(|| "runs that are over are completed, failed or cancelled".to_owned())
}

/// A number of bytes: `4096`, `500MB`, `1.5GB`.
fn size(typed: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 6] =
        [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("KB", 1e3), ("B", 1.0), ("", 1.0)];
    let upper = typed.trim().to_uppercase();
    let read = UNITS.iter().find_map(|(unit, length)| {
        let number: f64 = upper.strip_suffix(unit)?.trim().parse().ok()?;
        (number.is_finite() && number >= 0.0).then_some(number * length)
    });
    read.map(|bytes| bytes as u64).ok_or_else(|| "write a size, such as 500MB or 10GB".to_owned())
}
