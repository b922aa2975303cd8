//! `motet trust`: a person's word about a project.

use std::path::Path;

use motet::Error;
use motet::settings::{FILE_NAME, Power, Proposal, Settings};
use motet::trust::{Trust, Verdict, Word};

use crate::arguments;
use crate::exit::Exit;
use crate::follow::now;
use crate::problem::{Problem, power_place, trust_command};
use crate::project::{shown_path, working_folder};
use crate::render::line::{Line, Tone};
use crate::render::table::Table;
use crate::render::words::local_time;
use crate::terminal::Terminal;

pub fn trust(asked: &arguments::Trust, terminal: &Terminal) -> Result<Exit, Problem> {
    // Not what MOTET_TRUST says: it is about one command, and this is about all that follow.
    let trust = Trust::remembered();
    if asked.list {
        return list(&trust, terminal);
    }
    let found = find(&asked.path);
    if asked.revoke {
        // A project that is gone, or has settings that can't be read, is forgotten all the same.
        let folder = found.map_or_else(|_| asked.path.clone(), |proposal| proposal.folder().to_owned());
        return revoke(&trust, &folder, terminal);
    }
    if let Err(Error::File { verb: "find", path, .. }) = &found {
        return Err(Problem::usage(format!("there is no {}", shown_path(path)))
            .line("name a project's folder, or a file in it: motet trust PATH"));
    }
    let proposal = found?;
    let file = proposal.file().unwrap_or(proposal.folder());
    let say = |words: String| terminal.note_line(&Line::of(Tone::Plain, words));
    if proposal.powers().is_empty() {
        say(format!("{} asks for nothing that needs trust", shown_path(file)));
        return Ok(Exit::Good);
    }
    let verdict = trust.judge(&proposal);
    show(file, proposal.powers(), verdict, terminal);
    if verdict == Verdict::Trusted {
        return Ok(Exit::Good);
    }
    if !asked.yes && !ask(file, terminal)? {
        say("not trusted; nothing has changed".to_owned());
        return Ok(Exit::Usage);
    }
    trust.grant(&proposal, now())?;
    say(format!("trusted until it changes   (take it back: {} --revoke)", trust_command(file)));
    Ok(Exit::Good)
}

/// What the project at `path`, a folder or a file in it, asks for.
fn find(path: &Path) -> Result<Proposal, Error> {
    let here = working_folder()?;
    let path = here.join(path);
    if let Err(error) = path.symlink_metadata() {
        return Err(Error::File { verb: "find", path, error });
    }
    match path.is_dir() {
        true => Settings::find(Some(&path.join(FILE_NAME)), &path),
        false => Settings::find(Some(&path), &here),
    }
}

/// Every power, with where it stands and what it would allow.
fn show(file: &Path, powers: &[Power], verdict: Verdict, terminal: &Terminal) {
    let heading = match verdict {
        Verdict::Trusted => "is trusted with",
        Verdict::Changed => "or what it relies on has changed since it was trusted. It asks for",
        Verdict::Unknown => "asks for",
    };
    terminal.note_line(&Line::of(Tone::Strong, shown_path(file)).plain(format!(" {heading}:")));
    let mut table = Table::default();
    for power in powers {
        table.row([
            (Tone::Dim, power_place(file, power)),
            (Tone::Strong, power.setting.to_string()),
            (Tone::Plain, power.to_string()),
        ]);
    }
    // What is granted is to be read in full, so nothing is cut.
    table.lines(usize::MAX, &terminal.err.symbols).iter().for_each(|line| terminal.note_line(line));
}

/// Asks on the terminal about the project whose settings are `file`; says whether the answer was yes.
fn ask(file: &Path, terminal: &Terminal) -> Result<bool, Problem> {
    terminal.ask("Trust it? [y/N] ").ok_or_else(|| {
        Problem::usage("there is no terminal to ask on; nothing was trusted")
            .line(format!("if you have read the lines above and trust them: {} --yes", trust_command(file)))
    })
}

fn revoke(trust: &Trust, folder: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let shown = shown_path(folder);
    let words = match trust.revoke(&working_folder()?.join(folder))? {
        true => format!("{shown} is not trusted any more"),
        false => format!("{shown} was not trusted"),
    };
    terminal.note_line(&Line::of(Tone::Plain, words));
    Ok(Exit::Good)
}

fn list(trust: &Trust, terminal: &Terminal) -> Result<Exit, Problem> {
    let words = trust.words()?;
    if words.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, "no project is trusted"));
    }
    let mut table = Table::default();
    for Word { folder, powers, at, .. } in &words {
        let settings: Vec<&str> = powers.iter().map(|power| power.setting.as_str()).collect();
        table.row([
            (Tone::Strong, folder.display().to_string()),
            (Tone::Plain, local_time(*at)),
            (Tone::Plain, settings.join(", ")),
        ]);
    }
    table.lines(usize::MAX, &terminal.out.symbols).iter().for_each(|line| terminal.data_line(line));
    Ok(Exit::Good)
}
