//! The binary `motet`: what was typed becomes a call of the library, and what happens becomes lines.

mod arguments;
mod commands;
mod exit;
mod follow;
mod inputs;
mod problem;
mod project;
mod render;
mod score;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::problem::Problem;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = Terminal::new(arguments.color);
    let show = |problem: Problem| {
        problem.show(&terminal, arguments.verbose);
        problem.exit
    };
    let exit = commands::run(arguments.command, &terminal).unwrap_or_else(show);
    match terminal.data_lost() {
        Some(error) => exit.worst(show(Problem::data_lost(error))).into(),
        None => exit.into(),
    }
}
