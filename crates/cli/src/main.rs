//! The binary `motet`: what was typed becomes a call of the library, and what happens becomes lines.

mod arguments;
mod commands;
mod doubt;
mod exit;
mod follow;
mod inputs;
mod notice;
mod problem;
mod project;
mod render;
mod score;
mod simulator;
mod stop;
mod terminal;
mod threads;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::process::ExitCode;

use clap::Parser;
use motet::language::visible;
use motet::reading::shown_word;

use crate::arguments::{Arguments, Color};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::quoted;
use crate::stop::Stop;
use crate::terminal::Terminal;

/// Also of SQLite, where the system lets C programs have another one.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // First of all, so that nothing that follows is ended without a word.
    let stop = Stop::listen();
    let arguments = match typed() {
        Ok(arguments) => arguments,
        Err(exit) => return exit.into(),
    };
    let terminal = Terminal::new(arguments.color);
    std::panic::set_hook(Box::new(move |panic| {
        let backtrace = Backtrace::capture();
        let shown = backtrace.status() == BacktraceStatus::Captured;
        let backtrace = if shown { backtrace.to_string() } else { String::new() };
        terminal.note(&format!("{panic}\n{backtrace}"));
    }));
    let is_json = arguments.command.is_json();
    let show = |problem: Problem| {
        problem.show(&terminal, arguments.verbose);
        problem.exit
    };
    let report = |problem: Problem| {
        // Whoever ends it while nobody reads what it writes doesn't wait for a reader.
        if is_json && problem.exit != Exit::Interrupted {
            terminal.data(&format!("{}\n", problem.record()));
        }
        show(problem)
    };
    let done = stop
        .map_err(|error| Problem::refused("listen for signals", &error))
        .and_then(|stop| commands::run(arguments.command, terminal, stop));
    let exit = done.unwrap_or_else(report);
    match terminal.data_lost() {
        Some(error) => exit.worst(show(Problem::data_lost(error))).into(),
        None => exit.into(),
    }
}

/// What was typed; if that is a question or a mistake, says so.
fn typed() -> Result<Arguments, Exit> {
    let words = arguments::with_addresses_joined(std::env::args_os());
    if let Some(word) = words.iter().skip(1).find(|word| word.to_str().is_none()) {
        let what = format!("the argument {} isn't UTF-8", quoted(&shown_word(word)));
        Problem::usage(what)
            .line("rename the file, if it is one: names must be UTF-8")
            .show(&Terminal::new(Color::Auto), false);
        return Err(Exit::Usage);
    }
    Arguments::try_parse_from(&words).map_err(|said| {
        // An error repeats what was typed: it is made from words that were made visible.
        let shown = words.iter().map(|word| visible(&word.to_string_lossy()).into_owned());
        let said = Arguments::try_parse_from(shown).err().unwrap_or(said);
        // Nobody is left to tell if that fails.
        let _ = said.print();
        if said.use_stderr() { Exit::Usage } else { Exit::Good }
    })
}
