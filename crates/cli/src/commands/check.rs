//! `motet check`: all that is wrong with pipeline files.

use std::path::Path;

use motet::language::Diagnostic;
use motet::language::contract::Catalogue;
use motet::language::diagnostic::Code;
use motet::language::suggestion::closest;
use motet::settings::{Proposal, Settings};
use motet::trust::{Trust, Verdict};
use motet::{Error, Pipeline};

use crate::arguments;
use crate::commands::lock;
use crate::doubt::Doubt;
use crate::exit::Exit;
use crate::problem::{Problem, power_place, trust_command, verdict, without_number};
use crate::project::working_folder;
use crate::render::line::{Line, Tone};
use crate::render::words::count;
use crate::score::missing::missing;
use crate::score::{Score, history};
use crate::terminal::Terminal;

pub fn check(asked: &arguments::Check, terminal: &Terminal) -> Result<Exit, Problem> {
    if let Some(word) = &asked.explain {
        return explain(word, terminal);
    }
    let mut exit = Exit::Good;
    for file in &asked.files {
        // Settings that can't be read are told once the pipeline is known to be good.
        let settings = Settings::find(Some(file), &working_folder()?);
        let catalogue = settings.map_or_else(|_| motet::operation::catalogue(), |found| found.catalogue());
        exit = exit.worst(check_file(file, &catalogue, asked.json, terminal)?);
    }
    Ok(exit)
}

fn explain(word: &str, terminal: &Terminal) -> Result<Exit, Problem> {
    let code: Code = word.parse().map_err(|_| {
        let problem = Problem::usage(format!("there is no rule called `{word}`"));
        match closest(word, Code::ALL.iter().map(|code| code.word())) {
            Some(meant) => problem.line(format!("did you mean `{meant}`?")),
            None => problem.line("`motet check` prints the rule in brackets after `error`"),
        }
    })?;
    terminal.data(&format!("{}\n\n{}\n", code.word(), code.explain()));
    Ok(Exit::Good)
}

fn check_file(file: &Path, catalogue: &Catalogue, json: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    match load(file, catalogue) {
        Ok(pipeline) => good(file, &pipeline, json, terminal),
        Err(Error::Check(findings)) => {
            if json {
                print_json(&findings, terminal);
            } else {
                terminal.note_findings(&findings);
                terminal.note_line(&Line::new());
                terminal.note_line(&Line::of(Tone::Bad, verdict(&file.display().to_string(), &findings)));
            }
            Ok(Exit::Usage)
        }
        Err(other) => Err(other.into()),
    }
}

/// Reads and checks a pipeline file; findings name files as the user would.
///
/// # Errors
/// [`Error::Check`] with all that is wrong.
pub fn load(file: &Path, catalogue: &Catalogue) -> Result<Pipeline, Error> {
    if file.is_dir() {
        let mut finding = Diagnostic::of_file(
            &file.display().to_string(),
            Code::Unreadable,
            "this is a folder, not a pipeline file",
        );
        finding.help = Some(format!("name the files in it, such as {}", file.join("*.yaml").display()));
        return Err(Error::Check(vec![finding]));
    }
    Pipeline::load(file, catalogue).map_err(|error| match error {
        Error::Check(findings) => {
            Error::Check(findings.into_iter().map(|finding| named(file, finding)).collect())
        }
        other => other,
    })
}

/// The finding with its file as seen from the working folder, not from the pipeline's, and without the
/// numbers of the system's errors.
fn named(file: &Path, mut finding: Diagnostic) -> Diagnostic {
    finding.message = without_number(&finding.message);
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        finding.file = folder.join(&finding.file).display().to_string();
    }
    finding
}

fn good(file: &Path, pipeline: &Pipeline, json: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    let warnings: Vec<Diagnostic> =
        pipeline.warnings().iter().map(|warning| named(file, warning.clone())).collect();
    let doubts = doubts(file, pipeline, Settings::find(Some(file), &working_folder()?)?)?;
    if json {
        print_json(&warnings, terminal);
        doubts.iter().for_each(|doubt| terminal.data(&format!("{}\n", doubt.record())));
        return Ok(Exit::Good);
    }
    terminal.note_findings(&warnings);
    doubts.iter().flat_map(Doubt::lines).for_each(|line| terminal.note_line(&line));
    let score = Score::new(pipeline.plan(), &history(pipeline.plan(), None));
    let count_of_doubts = match warnings.len() + doubts.len() {
        0 => String::new(),
        doubts => format!(", {}", count(doubts, "warning")),
    };
    let verdict = format!("{}: good, {}{count_of_doubts}", file.display(), score.steps_in_words());
    terminal.data_line(&Line::of(Tone::Good, verdict));
    Ok(Exit::Good)
}

/// What has changed since the pipeline was locked, what the machine lacks, and what the project's settings wait for.
/// Nothing runs, so nobody's word is needed; programs that wait for one are looked for where they usually are.
fn doubts(file: &Path, pipeline: &Pipeline, proposal: Proposal) -> Result<Vec<Doubt>, Error> {
    let changed = lock::doubts(file, || proposal.versions(pipeline.plan()))?;
    let settings = proposal.file().unwrap_or(proposal.folder()).to_owned();
    let (trusted, powers) = match Trust::of_environment().judge(&proposal) {
        Verdict::Trusted => (proposal.vouched(), Vec::new()),
        Verdict::Changed | Verdict::Unknown => {
            (Settings::usual(proposal.folder()), proposal.powers().to_vec())
        }
    };
    let missing = missing(pipeline.plan(), &trusted).into_iter().map(|missing| Doubt {
        code: missing.code(),
        message: missing.sentence(),
        file: file.to_owned(),
        line: missing.line,
        column: 1,
        place: missing.place(),
        help: missing.remedy(),
    });
    let waiting = powers.iter().map(|power| {
        let (line, column) = power.place.unwrap_or((1, 1));
        Doubt {
            code: "untrusted",
            message: format!("`{}` waits for trust: it {power}", power.setting),
            file: settings.clone(),
            line,
            column,
            place: power_place(&settings, power),
            help: format!("read it, and if you trust it: {}", trust_command(&settings)),
        }
    });
    Ok(changed.into_iter().chain(missing).chain(waiting).collect())
}

fn print_json(findings: &[Diagnostic], terminal: &Terminal) {
    for finding in findings {
        let record = serde_json::to_string(finding).expect("a finding is plain data");
        terminal.data(&format!("{record}\n"));
    }
}
