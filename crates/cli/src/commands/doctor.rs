//! `motet doctor`: whether this machine and the store are in order.

use std::path::Path;
use std::process::{Command, Stdio};

use motet::settings::StorePlace;
use motet::store::{IntegrityReport, Store, StoreError};
use motet::tools::{Tools, find_program};
use serde_json::{Value as Json, json};

use crate::arguments;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{Project, shown_path};
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
        StorePlace::Folder(folder) => store_findings(folder),
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

impl Finding {
    fn good(name: &'static str, words: impl Into<String>) -> Finding {
        Finding { name, state: State::Good, words: words.into(), remedy: None }
    }

    fn bad(name: &'static str, state: State, words: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { name, state, words: words.into(), remedy: Some(remedy.into()) }
    }

    fn json(&self) -> Json {
        json!({ "name": self.name, "state": self.state.word(), "found": self.words, "remedy": self.remedy })
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

fn tool_findings(tools: &Tools) -> Vec<Finding> {
    let mut findings = vec![
        program("ffmpeg", &tools.ffmpeg, "-version", "apt install ffmpeg, or brew install ffmpeg"),
        program("ffprobe", &tools.ffprobe, "-version", "apt install ffmpeg, or brew install ffmpeg"),
        program(
            "espeak-ng",
            &tools.espeak_ng,
            "--version",
            "apt install espeak-ng, or brew install espeak-ng",
        ),
    ];
    findings.push(match tools.find_font() {
        Some(path) => Finding::good("font", shown_path(&path)),
        None => {
            Finding::bad("font", State::Broken, "none was found", "install it: apt install fonts-dejavu-core")
        }
    });
    findings
}

/// Asks a program for its version.
fn program(name: &'static str, command: &str, flag: &str, install: &str) -> Finding {
    let Some(path) = find_program(command) else {
        let words = format!("`{command}` isn't on this machine");
        return Finding::bad(name, State::Broken, words, format!("install it: {install}"));
    };
    let told = Command::new(&path).arg(flag).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let first = told
        .ok()
        .filter(|told| told.status.success())
        .and_then(|told| String::from_utf8_lossy(&told.stdout).lines().next().map(version_in));
    match first {
        Some(version) => Finding::good(name, format!("{version}   {}", path.display())),
        None => {
            let words = format!("{} doesn't tell its version", path.display());
            Finding::bad(name, State::Broken, words, format!("install it anew: {install}"))
        }
    }
}

/// The first word that begins with a digit: `6.1.1` in `ffmpeg version 6.1.1 Copyright …`.
fn version_in(line: &str) -> String {
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    line.split_whitespace().find(is_version).unwrap_or(line).to_owned()
}

/// Below this much room a film may not fit.
const FREE_BYTES_MIN: u64 = 1_000_000_000;

fn store_findings(folder: &Path) -> Vec<Finding> {
    let shown = shown_path(folder);
    let report = Store::open_read_only(folder).and_then(|store| store.check());
    match report {
        Ok(report) => vec![integrity(&shown, &report), room(report.free_bytes)],
        Err(StoreError::Missing { .. }) => {
            vec![Finding::good("store", format!("{shown}: none yet; the first run makes it"))]
        }
        Err(error) => {
            let problem = Problem::from(error);
            let (words, remedy) = problem.in_two();
            vec![Finding::bad("store", State::Broken, words, remedy)]
        }
    }
}

fn integrity(shown: &str, report: &IntegrityReport) -> Finding {
    let held = format!(
        "{shown}: {}, {}, {} of artifacts",
        count(report.runs, "run"),
        count(report.artifacts, "artifact"),
        bytes(report.artifact_bytes)
    );
    if report.is_good() {
        return Finding::good("store", held);
    }
    let mut faults: Vec<String> = report.database.iter().map(|fault| format!("database: {fault}")).collect();
    faults.extend(report.journals.iter().map(|(run, fault)| format!("run {}: {fault}", run.short())));
    faults.extend(report.missing.iter().map(|digest| format!("artifact {} is missing", digest.short())));
    faults.extend(report.damaged.iter().map(|digest| format!("artifact {} is damaged", digest.short())));
    let first = faults.first().cloned().unwrap_or_default();
    let more = if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
    let words = format!("{held}; {first}{more}");
    Finding::bad("store", State::Broken, words, "restore it from a copy, or move it away to start afresh")
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
