//! `motet completions`: for the shell.

use clap::CommandFactory;

use crate::arguments::{self, Arguments};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::Terminal;

pub fn completions(asked: &arguments::Completions, terminal: &Terminal) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "motet", &mut script);
    terminal.data(&String::from_utf8_lossy(&script));
    Ok(Exit::Good)
}
