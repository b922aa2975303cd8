//! What was typed to lock a pipeline.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub struct Lock {
    /// The pipeline file; motet.lock lies beside it.
    pub file: PathBuf,
    /// Record what is there now, and remove what nothing uses any more. Without it, a pipeline that has changed since it was
    /// locked is refused.
    #[arg(long)]
    pub update: bool,
}
