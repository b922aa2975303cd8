//! `motet doctor`: whether this machine and the store are in order.

use std::path::Path;
use std::process::{Command, Stdio};

use motet::engine::RunId;
use motet::settings::StorePlace;
use motet::store::{IntegrityReport, LostPlan, Store, StoreError};
use motet::tools::{FFMPEG_VERSION_MIN, Tools, find_program};
use serde_json::{Value as Json, json};

use crate::arguments::{self, AdoptFlag};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{Project, shown_path, typed_command};
use crate::render::line::{Line, Tone};
use crate::render::words::{bytes, count};
use crate::terminal::Terminal;

/// One thing that was looked at.
struct Finding {
    /// What.
    name: &'static str,
    state: State,
    /// What was found, in words.
    words: String,
    /// What to do about it.
    remedy: Option<String>,
    /// The stable code of the error that was met, if one was.
    code: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// Works, or isn't needed by every pipeline.
    Doubtful,
    Broken,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Doubtful => "doubtful",
            State::Broken => "broken",
        }
    }
}

pub fn doctor(asked: &arguments::Doctor, terminal: &Terminal) -> Result<Exit, Problem> {
    let project = Project::find(None, &asked.store)?;
    let mut findings = vec![Finding::good("motet", env!("CARGO_PKG_VERSION"))];
    findings.extend(tool_findings(&project.settings.tools));
    findings.extend(match &project.place {
        StorePlace::Folder(folder) => store_findings(folder, asked.verify || asked.rebuild),
        StorePlace::Memory => vec![Finding::good("store", "in memory")],
    });
    let is_broken = findings.iter().any(|finding| finding.state == State::Broken);
    if asked.json {
        let record =
            json!({ "good": !is_broken, "findings": findings.iter().map(Finding::json).collect::<Vec<_>>() });
        terminal.data(&format!("{record:#}\n"));
    } else {
        findings
            .iter()
            .flat_map(|finding| finding.lines(terminal))
            .for_each(|line| terminal.data_line(&line));
    }
    Ok(if is_broken { Exit::Machine } else { Exit::Good })
}

/// Makes the tables again, and then looks at everything.
pub async fn rebuild(asked: arguments::Doctor, terminal: Terminal) -> Result<Exit, Problem> {
    let project = Project::find(None, &asked.store)?;
    let session = project.reopen_session(&AdoptFlag::default(), terminal).await?;
    session.rebuild_tables().await?;
    session.close().await;
    terminal.note_line(&Line::of(Tone::Plain, "the tables were made again from the journal"));
    doctor(&asked, &terminal)
}

impl Finding {
    fn good(name: &'static str, words: impl Into<String>) -> Finding {
        Finding { name, state: State::Good, words: words.into(), remedy: None, code: None }
    }

    fn bad(name: &'static str, state: State, words: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { name, state, words: words.into(), remedy: Some(remedy.into()), code: None }
    }

    fn json(&self) -> Json {
        json!({
            "name": self.name, "state": self.state.word(), "found": self.words, "remedy": self.remedy,
            "code": self.code,
        })
    }

    fn lines(&self, terminal: &Terminal) -> Vec<Line> {
        let symbols = &terminal.out.symbols;
        let (symbol, tone) = match self.state {
            State::Good => (symbols.done, Tone::Good),
            State::Doubtful => (symbols.skipped, Tone::Doubtful),
            State::Broken => (symbols.failed, Tone::Bad),
        };
        let name = format!(" {:<10} ", self.name);
        let mut lines = vec![Line::new().plain("  ").then(tone, symbol).plain(name).plain(&self.words)];
        lines.extend(
            self.remedy.iter().map(|remedy| Line::of(Tone::Dim, format!("                 {remedy}"))),
        );
        lines
    }
}

/// A program, and how it is asked for its version.
struct Program<'t> {
    name: &'static str,
    command: &'t str,
    flag: &'static str,
    install: &'static str,
    /// The oldest version that will do.
    least: Option<&'static str>,
}

fn tool_findings(tools: &Tools) -> Vec<Finding> {
    let ffmpeg = Program {
        name: "ffmpeg",
        command: &tools.ffmpeg,
        flag: "-version",
        install: "apt install ffmpeg, or brew install ffmpeg",
        least: Some(FFMPEG_VERSION_MIN),
    };
    let espeak_ng = Program {
        name: "espeak-ng",
        command: &tools.espeak_ng,
        flag: "--version",
        install: "apt install espeak-ng, or brew install espeak-ng",
        least: None,
    };
    let ffprobe = Program { name: "ffprobe", command: &tools.ffprobe, ..ffmpeg };
    let font = match tools.find_font() {
        Some(path) => Finding::good("font", shown_path(&path)),
        None => {
            Finding::bad("font", State::Broken, "none was found", "install it: apt install fonts-dejavu-core")
        }
    };
    vec![ffmpeg.finding(), ffprobe.finding(), espeak_ng.finding(), font]
}

impl Program<'_> {
    fn finding(&self) -> Finding {
        let Program { name, command, flag, install, least } = *self;
        let Some(path) = find_program(command) else {
            let words = format!("`{command}` isn't on this machine");
            return Finding::bad(name, State::Broken, words, format!("install it: {install}"));
        };
        let told = Command::new(&path).arg(flag).stdin(Stdio::null()).stderr(Stdio::null()).output();
        let version = told
            .ok()
            .filter(|told| told.status.success())
            .and_then(|told| String::from_utf8_lossy(&told.stdout).lines().next().map(version_in));
        let Some(version) = version else {
            let words = format!("{} doesn't report its version", path.display());
            return Finding::bad(name, State::Broken, words, format!("reinstall it: {install}"));
        };
        let words = format!("{version}   {}", path.display());
        match least {
            Some(least) if is_older(&version, least) => {
                let remedy = format!("too old: {least} or newer is needed; install it: {install}");
                Finding::bad(name, State::Doubtful, words, remedy)
            }
            _ => Finding::good(name, words),
        }
    }
}

/// The word after `version`, else the first that begins with a digit: `6.1.1` in `ffmpeg version 6.1.1
/// Copyright …`, `1.51` in `eSpeak NG text-to-speech: 1.51  Data at: …`.
fn version_in(line: &str) -> String {
    let after_version = line.split_whitespace().skip_while(|word| *word != "version").nth(1);
    let is_number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    after_version.or_else(|| line.split_whitespace().find(is_number)).unwrap_or(line).to_owned()
}

/// Whether a version is older than `least`. Not of a build between releases, whose version is no number.
fn is_older(version: &str, least: &str) -> bool {
    release_in(version).zip(release_in(least)).is_some_and(|(release, least)| release < least)
}

/// The first two numbers of a release: 4 and 4 of `n4.4.1-2`; nothing of `N-47683-g0e8eb07980` or
/// `2018-07-08-git`.
fn release_in(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.strip_prefix('n').unwrap_or(version).split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Below this much room a film may not fit.
const FREE_BYTES_MIN: u64 = 1_000_000_000;

/// The world of a store that has one.
fn world_of(folder: &Path) -> Option<Finding> {
    let world = Store::open_read_only(folder).ok()?.world().ok()??;
    Some(Finding::good("world", format!("{world}: the store's runs stay in it")))
}

fn store_findings(folder: &Path, verify: bool) -> Vec<Finding> {
    let shown = shown_path(folder);
    let report = Store::open_read_only(folder).and_then(|store| store.check());
    match report {
        Ok(report) => {
            let mut findings = vec![integrity(&shown, &report)];
            findings.extend(report.plans.iter().take(PLANS_MAX).map(lost_plan));
            findings.extend(verify.then(|| tables(folder)));
            findings.extend(world_of(folder));
            findings.extend(report.mark_doubt.map(|why| unreadable_mark(folder, why)));
            findings.extend((report.gate_unread > 0).then(|| unread_limits(report.gate_unread)));
            findings.push(room(report.free_bytes));
            findings
        }
        Err(StoreError::Missing { .. }) => {
            vec![Finding::good("store", format!("{shown}: none yet; the first run creates it"))]
        }
        Err(error) => {
            let problem = Problem::from(error);
            let code = Some(problem.code().to_owned());
            let (words, remedy) = problem.in_two();
            vec![Finding { code, ..Finding::bad("store", State::Broken, words, remedy) }]
        }
    }
}

/// Whether the tables say what the journal says.
fn tables(folder: &Path) -> Finding {
    let wrong = match Store::open_read_only(folder).and_then(|store| store.verify()) {
        Ok(wrong) => wrong,
        Err(error) => {
            return Finding::bad("tables", State::Broken, error.what(), error.hint().unwrap_or_default());
        }
    };
    let Some(first) = wrong.first() else {
        return Finding::good("tables", "every row is what the journal says");
    };
    let row = |row: &Option<String>| row.clone().unwrap_or_else(|| "no such row".to_owned());
    let words = format!(
        "{} of run {}: {} (and {} more); the journal says: {}",
        first.table,
        first.run.short(),
        row(&first.found),
        wrong.len() - 1,
        row(&first.expected)
    );
    Finding::bad(
        "tables",
        State::Broken,
        words,
        format!("make them again: {}", typed_command("doctor --rebuild")),
    )
}

fn integrity(shown: &str, report: &IntegrityReport) -> Finding {
    let held = format!(
        "{shown}: {}, {}, {} of artifacts",
        count(report.runs, "run"),
        count(report.artifacts, "artifact"),
        bytes(report.artifact_bytes)
    );
    let mut faults: Vec<String> = report.database.iter().map(|fault| format!("database: {fault}")).collect();
    faults.extend(report.journals.iter().map(|(run, fault)| format!("run {}: {fault}", run.short())));
    faults.extend(report.missing.iter().map(|digest| format!("artifact {} is missing", digest.short())));
    faults.extend(report.damaged.iter().map(|digest| format!("artifact {} is damaged", digest.short())));
    let exchanged = report.exchanged.iter();
    faults.extend(
        exchanged.map(|(digest, is)| format!("artifact {} is {is}, which isn't opened", digest.short())),
    );
    // Lost plans are findings of their own.
    if faults.is_empty() {
        return Finding::good("store", held);
    }
    let first = faults.first().cloned().unwrap_or_default();
    let more = if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
    let words = format!("{held}; {first}{more}");
    let remedy = "restore a backup, or move the whole folder of the store away to start afresh";
    Finding::bad("store", State::Broken, words, remedy)
}

/// How many lost plans are told of, and how many of the runs of each.
const PLANS_MAX: usize = 20;

/// A plan that is missing or damaged, with the runs that can't be shown or go on without it.
fn lost_plan(lost: &LostPlan) -> Finding {
    let mut runs: Vec<&str> = lost.runs.iter().take(PLANS_MAX).map(RunId::short).collect();
    let more = format!("{} more", lost.runs.len() - runs.len());
    if lost.runs.len() > runs.len() {
        runs.push(&more);
    }
    let of = match runs.as_slice() {
        [] => "no run needs it".to_owned(),
        runs => format!("needed by {}: {}", count(lost.runs.len(), "run"), runs.join(", ")),
    };
    let remedy = "restore a backup, or start the same pipeline again, which keeps its plan anew";
    Finding::bad("plan", State::Broken, format!("{}; {of}", lost.what), remedy)
}

fn unreadable_mark(folder: &Path, why: &str) -> Finding {
    let words = format!(
        "{} can't be relied on ({why}): if the last turns are missing, it isn't noticed",
        shown_path(&folder.join("mark"))
    );
    let remedy = format!(
        "check with {} that all runs are there, and else restore a backup; the next run writes it anew",
        typed_command("runs")
    );
    Finding::bad("mark", State::Doubtful, words, remedy)
}

fn unread_limits(unread: usize) -> Finding {
    let entries = if unread == 1 { "1 entry".to_owned() } else { format!("{unread} entries") };
    let words = format!("{entries} about limits can't be read, so those limits are reset");
    let remedy = "the next runs write them again; if a newer version wrote them, use that version";
    Finding::bad("limits", State::Doubtful, words, remedy)
}

fn room(free: u64) -> Finding {
    match free {
        0..FREE_BYTES_MIN => Finding::bad(
            "disk",
            State::Doubtful,
            format!("{} free", bytes(free)),
            "free some space: films need room",
        ),
        _ => Finding::good("disk", format!("{} free", bytes(free))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_before_the_least_are_too_old_and_builds_between_releases_are_not_judged() {
        let judged = |line: &str| {
            let version = version_in(&format!("ffmpeg version {line} Copyright (c) 2000-2021"));
            (is_older(&version, "4.4"), version)
        };
        for old in ["4.3.9-0+deb11u1", "4.1", "n4.3.2", "3.4.11-0ubuntu0.1", "0.10"] {
            assert_eq!(judged(old), (true, old.to_owned()));
        }
        for fit in ["4.4", "4.4.2-0ubuntu0.22.04.1", "n9.0.2-17-g2a571b6068", "10.0"] {
            assert_eq!(judged(fit), (false, fit.to_owned()));
        }
        for between in ["N-47683-g0e8eb07980-static", "2018-07-08-git-9a2b9b4", "git-2020-01-26-5e62100"] {
            assert_eq!(judged(between), (false, between.to_owned()));
        }
        assert_eq!(version_in("eSpeak NG text-to-speech: 1.51  Data at: /usr/lib/2"), "1.51");
    }
}
