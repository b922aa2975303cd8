use std::collections::BTreeSet;
use std::io;
use std::iter;

use motet_pipeline::Class;
use motet_pipeline::contract::Tool;
use motet_pipeline::diagnostic::Code;

use super::*;
use crate::settings::Setting;

/// One error of every kind: the one that follows `error`. A new kind doesn't compile until it stands here.
fn following(error: &Error) -> Option<Error> {
    let store = || PathBuf::from("film/.motet");
    let run = || RunId::new("7Q2K");
    let panic = || "index out of bounds".to_owned();
    Some(match error {
        Error::Check(_) => Error::Plan("is damaged at the step `still`".into()),
        Error::Plan(_) => Error::LostPlan("plan 07151c8a is missing".into()),
        Error::LostPlan(_) => Error::NotAdopted { operation: "fal/fal-ai/flux/dev".into() },
        Error::NotAdopted { .. } => Error::Tasks(vec!["task/shout".into()]),
        Error::Tasks(_) => Error::Inputs(vec![Misfit {
            parameter: "prompt".into(),
            message: "`prompt` must be text".into(),
        }]),
        Error::Inputs(_) => Error::Tools(vec![MissingTool {
            tool: Tool::Ffmpeg,
            name: "ffmpeg".into(),
            install: "apt install ffmpeg",
            setting: "tools.ffmpeg",
        }]),
        Error::Tools(_) => Error::Unpriced(vec![UnpricedStep {
            step: "shots/still".into(),
            operation: "fal/fal-ai/flux/dev".into(),
            reason: "it isn't in the price book".into(),
        }]),
        Error::Unpriced(_) => Error::NoQuote { path: "quote.json".into(), why: "it isn't a quote".into() },
        Error::NoQuote { .. } => Error::Quote(QuoteFault::Pipeline),
        Error::Quote(QuoteFault::Pipeline) => Error::Quote(QuoteFault::Inputs),
        Error::Quote(QuoteFault::Inputs) => {
            Error::Quote(QuoteFault::Prices(vec![("still".into(), Money::ZERO, Money::from_units(1))]))
        }
        Error::Quote(QuoteFault::Prices(_)) => Error::Quote(QuoteFault::Expired(Timestamp(0))),
        Error::Quote(QuoteFault::Expired(_)) => Error::Store(StoreError::Closed),
        Error::Store(_) => Error::OtherWorld { store: store(), known: World::Simulated, wanted: World::Real },
        Error::OtherWorld { .. } => Error::Owned { store: store(), pid: 7 },
        Error::Owned { .. } => {
            Error::OwnerDiffers { store: store(), pid: 7, what: "version 9 (here it is 1)".into() }
        }
        Error::OwnerDiffers { .. } => Error::OwnerSilent { store: store(), pid: 7 },
        Error::OwnerSilent { .. } => Error::Refused {
            pid: 7,
            code: "code_of_the_owner".into(),
            message: "the disk is full".into(),
            hint: Some("free some space".into()),
        },
        Error::Refused { .. } => Error::Import { path: "a.png".into(), message: "it is empty".into() },
        Error::Import { .. } => {
            Error::LayOut { run: run(), folder: "out".into(), error: io::Error::other("refused") }
        }
        Error::LayOut { .. } => Error::NoRun("7Q2K".into()),
        Error::NoRun(_) => {
            Error::NotParked { run: run(), step: StepPath::from_text("still"), status: "completed".into() }
        }
        Error::NotParked { .. } => Error::NoJobs {
            run: run(),
            step: StepPath::from_text("still"),
            operation: "elevenlabs/music_v1".into(),
        },
        Error::NoJobs { .. } => {
            Error::NotCancelled { run: run(), step: StepPath::from_text("still"), status: "completed".into() }
        }
        Error::NotCancelled { .. } => Error::NotDead { run: run(), status: "completed".into() },
        Error::NotDead { .. } => Error::Base { run: run(), fault: BaseFault::Unfinished },
        Error::Base { fault: BaseFault::Unfinished, .. } => {
            Error::Base { run: run(), fault: BaseFault::Completed }
        }
        Error::Base { fault: BaseFault::Completed, .. } => {
            Error::Base { run: run(), fault: BaseFault::NoStep(StepPath::from_text("shots[k3]/still")) }
        }
        Error::Base { fault: BaseFault::NoStep(_), .. } => {
            Error::Base { run: run(), fault: BaseFault::NoItem(StepPath::from_text("shots[k3]")) }
        }
        Error::Base { fault: BaseFault::NoItem(_), .. } => {
            Error::Base { run: run(), fault: BaseFault::Retried(RunId::new("8XMA")) }
        }
        Error::Base { fault: BaseFault::Retried(_), .. } => {
            Error::Base { run: run(), fault: BaseFault::NothingToUndo }
        }
        Error::Base { fault: BaseFault::NothingToUndo, .. } => {
            Error::Base { run: run(), fault: BaseFault::Undone(RunId::new("7Q2K-undo")) }
        }
        Error::Base { fault: BaseFault::Undone(_), .. } => {
            Error::Base { run: run(), fault: BaseFault::Undoes(RunId::new("7Q2J")) }
        }
        Error::Base { fault: BaseFault::Undoes(_), .. } => Error::Base {
            run: run(),
            fault: BaseFault::Deleted { earlier: RunId::new("0001"), at: Timestamp(0) },
        },
        Error::Base { fault: BaseFault::Deleted { .. }, .. } => {
            Error::Needed { run: run(), need: Need::Unfinished }
        }
        Error::Needed { .. } => Error::AmbiguousRun { ending: "K".into(), runs: vec![run(), run()] },
        Error::AmbiguousRun { .. } => Error::RunDiffers(run()),
        Error::RunDiffers(_) => Error::RunName(RunId::new("../7Q2K")),
        Error::RunName(_) => Error::Journal { run: run(), misuse: Misuse::NoStart },
        Error::Journal { .. } => Error::RunFailed {
            step: Some(StepPath::from_text("still")),
            failure: Failure::new(Class::Quota, "no money"),
        },
        Error::RunFailed { .. } => Error::RunCancelled("no time".into()),
        Error::RunCancelled(_) => Error::Interrupted(run()),
        Error::Interrupted(_) => Error::Undriven(run()),
        Error::Undriven(_) => Error::Quarantined { run: run(), panic: panic() },
        Error::Quarantined { .. } => Error::StartPanicked { panic: panic() },
        Error::StartPanicked { .. } => Error::DriverPanicked { panic: panic() },
        Error::DriverPanicked { .. } => Error::Left,
        Error::Left => Error::Outputs(serde_json::from_str::<u8>("x").unwrap_err()),
        Error::Outputs(_) => Error::file("read", "film.yaml", io::Error::other("refused")),
        Error::File { .. } => Error::Untrusted {
            file: "motet.toml".into(),
            powers: vec![Power { setting: Setting::Processors, place: None, value: "99".into() }],
            changed: false,
        },
        Error::Untrusted { .. } => Error::Memory("the disk is full".into()),
        Error::Memory(_) => Error::Providers("there is no provider `falx`".into()),
        Error::Providers(_) => {
            Error::NotDescribed { name: "a/b".into(), why: "replicate answered 404: not found".into() }
        }
        Error::NotDescribed { .. } => {
            Error::ModelFile { path: "models/fal/a--b.json".into(), message: "it has no `outputs`".into() }
        }
        Error::ModelFile { .. } => Error::LockFile {
            path: "motet.lock".into(),
            place: Some((7, 1)),
            message: "missing field `contract`".into(),
            is_newer: false,
        },
        Error::LockFile { is_newer: false, .. } => Error::LockFile {
            path: "motet.lock".into(),
            place: None,
            message: "it has the format 2, and this version of Motet reads 1".into(),
            is_newer: true,
        },
        Error::LockFile { .. } => Error::Clock(Timestamp(-1)),
        Error::Clock(_) => Error::Settings {
            path: "motet.toml".into(),
            line: 2,
            column: 1,
            message: "there is no setting `stroe`".into(),
        },
        Error::Settings { .. } => return None,
    })
}

#[test]
fn every_error_has_a_code_of_its_own_that_never_changes() {
    let check = Error::Check(vec![Diagnostic::of_file("film.yaml", Code::Empty, "the file is empty")]);
    let all: Vec<_> = iter::successors(Some(check), following).collect();
    let codes: BTreeSet<_> = all.iter().map(Error::code).collect();
    assert_eq!(codes.len(), all.len());
    let lines = all.iter().map(|error| format!("{}: {error}", error.code()));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_main_that_returns_an_error_shows_it_as_the_command_line_does() {
    let text = "motet: 1\nsteps:\n  a: { uses: data/transfrom, with: { value: 1 } }\n";
    let bundle = motet_pipeline::Bundle::of_text("film.yaml", text);
    let findings = motet_pipeline::check::check(&bundle, &Default::default()).diagnostics;
    insta::assert_snapshot!(format!("Error: {:?}", Error::Check(findings)), @r"
    Error: the pipeline can't run

    error[unknown-operation]: there is no operation `data/transfrom`
     --> film.yaml:3:14
      |
    3 |   a: { uses: data/transfrom, with: { value: 1 } }
      |              ^^^^^^^^^^^^^^ did you mean `data/transform`?
    ");
    let error = Error::OwnerSilent { store: "film/.motet".into(), pid: 7 };
    insta::assert_snapshot!(format!("Error: {error:?}"), @r"
    Error: another process (pid 7) drives the store film/.motet, and doesn't respond
      continue it if it is suspended, or end it
    ");
}
