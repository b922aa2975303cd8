//! `motet dead`: failed runs that wait for somebody.

use motet::engine::RunId;
use motet::language::Money;
use motet::session::{Followed, Session};
use motet::store::{DeadFilter, DeadRun, Store, World};
use motet::{Error, RetryOptions};
use serde_json::{Value as Json, json};

use crate::arguments::{self, AdoptFlag, Chosen, DeadCommand, DrivingFlags};
use crate::commands::while_wanted;
use crate::exit::Exit;
use crate::follow::{Following, now};
use crate::problem::Problem;
use crate::project::{Project, find_run, typed_command, user_name};
use crate::render::dead::{self, Told};
use crate::render::line::{Line, Tone};
use crate::render::money::dollars;
use crate::render::words::{count, unreal_line};
use crate::stop::Stop;
use crate::terminal::Terminal;

/// So many runs begin without a question.
const UNASKED_MAX: usize = 10;

pub fn dead(asked: arguments::Dead, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    match asked.command {
        DeadCommand::List(asked) => list(&asked, &terminal),
        DeadCommand::Show(asked) => show(&asked, &terminal),
        DeadCommand::Redrive(asked) => while_wanted(stop, |stop| redrive(*asked, terminal, stop)),
        DeadCommand::Discard(asked) => while_wanted(stop, |_| discard(asked, terminal)),
    }
}

fn list(asked: &arguments::DeadList, terminal: &Terminal) -> Result<Exit, Problem> {
    let store = Project::find(None, &asked.store)?.read_store(terminal)?;
    // One more than asked for tells whether there are more.
    let limit = Some(asked.limit.saturating_add(1));
    let filter = DeadFilter { discarded: asked.discarded, limit, ..filter_of(&asked.chosen) };
    let mut found = store.dead(&filter)?;
    let are_more = found.len() > asked.limit;
    found.truncate(asked.limit);
    let told = found.iter().map(|dead| Told::read_any(&store, dead)).collect::<Result<Vec<_>, _>>()?;
    if asked.json {
        told.iter().for_each(|told| terminal.data(&format!("{}\n", record_of(told, &[]))));
        return Ok(Exit::Good);
    }
    unreal_line(store.world()?).iter().for_each(|line| terminal.data_line(line));
    if told.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, "no dead letters"));
        return Ok(Exit::Good);
    }
    terminal.data_table(&dead::table(&told, now()));
    let more = are_more.then(|| format!("there are more: {}", typed_command("dead list --limit COUNT")));
    let next = format!(
        "{}, {}",
        typed_command(format!("dead show {}", told[0].run.id.short())),
        typed_command("dead redrive --all")
    );
    for line in more.into_iter().chain([next]) {
        terminal.note_line(&Line::of(Tone::Dim, line));
    }
    Ok(Exit::Good)
}

fn show(asked: &arguments::DeadShow, terminal: &Terminal) -> Result<Exit, Problem> {
    let store = Project::find(None, &asked.store)?.read_store(terminal)?;
    let dead = failed(&store, &asked.run)?;
    let (told, continued) = (Told::read_any(&store, &dead)?, store.continued_by(&dead.run.id)?);
    if asked.json {
        terminal.data(&format!("{:#}\n", record_of(&told, &continued)));
        return Ok(Exit::Good);
    }
    unreal_line(store.world()?).iter().for_each(|line| terminal.data_line(line));
    dead::lines(&told, &continued, &terminal.out).iter().for_each(|line| terminal.data_line(line));
    let short = dead.run.id.short();
    let next = match continued.last() {
        Some(next) => typed_command(format!("show {}", next.short())),
        None => format!(
            "{}, {}",
            typed_command(format!("dead redrive {short}")),
            typed_command(format!("dead discard {short}"))
        ),
    };
    terminal.note_line(&Line::of(Tone::Dim, next));
    Ok(Exit::Good)
}

async fn redrive(asked: arguments::Redrive, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let DrivingFlags { follow, store, adopt } = &asked.driving;
    let project = Project::find_to_follow(None, store, follow)?;
    let known = project.read_store(&terminal)?;
    let chosen = chosen(&known, &asked.runs, &asked.chosen, asked.all, false)?;
    if chosen.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, "no dead letters"));
        return Ok(Exit::Good);
    }
    // Only what is real is paid.
    let is_answered = asked.yes || asked.runs.len() == 1;
    let is_free = known.world()?.is_some_and(|world| world != World::Real);
    if !is_answered && !is_wanted(&chosen, is_free, &terminal)? {
        terminal.note_line(&Line::of(Tone::Plain, "nothing ran and nothing was spent"));
        return Ok(Exit::Good);
    }
    let session = project.reopen_session(adopt, terminal).await?;
    let following = Following::new(&project, &session, &terminal, follow)?;
    let retries = chosen.into_iter().map(|dead| retry(session.clone(), dead.run.id)).collect();
    following.follow_each(retries, asked.at_once, stop).await
}

async fn retry(session: Session, run: RunId) -> Result<Followed, Error> {
    session.retry(run.as_str(), RetryOptions::default()).await
}

/// Asks before many runs begin, or runs that have cost something.
fn is_wanted(chosen: &[DeadRun], is_free: bool, terminal: &Terminal) -> Result<bool, Problem> {
    let spent: Money = chosen.iter().map(|dead| dead.run.cost).sum();
    let has_cost = !is_free && !spent.is_zero();
    if chosen.len() <= UNASKED_MAX && !has_cost {
        return Ok(true);
    }
    let runs = count(chosen.len(), "run");
    let cost = match has_cost {
        true => format!("; they have cost {} so far, and what failed may cost again", dollars(spent)),
        false => String::new(),
    };
    terminal.note_line(&Line::of(Tone::Doubtful, format!("{runs} would be retried{cost}")));
    terminal.ask("Retry them? [y/N] ").ok_or_else(|| {
        Problem::new(Exit::Usage, "there is no terminal to ask on; nothing ran and nothing was spent")
            .line("retry them without a question: --yes")
    })
}

async fn discard(asked: arguments::Discard, terminal: Terminal) -> Result<Exit, Problem> {
    let project = Project::find(None, &asked.store)?;
    let chosen = chosen(&project.read_store(&terminal)?, &asked.runs, &asked.chosen, asked.all, asked.undo)?;
    let session = project.reopen_session(&AdoptFlag::default(), terminal).await?;
    let user = user_name();
    for dead in &chosen {
        let run = match asked.undo {
            true => session.undo_discard(dead.run.id.as_str()).await?,
            false => session.discard(dead.run.id.as_str(), &user, &asked.why).await?,
        };
        if asked.json {
            let record = json!({ "run": run, "discarded": !asked.undo });
            terminal.data(&format!("{record}\n"));
        }
    }
    session.close().await;
    if !asked.json {
        terminal.note_line(&Line::of(Tone::Plain, discarded_words(chosen.len(), asked.undo)));
    }
    Ok(Exit::Good)
}

fn discarded_words(runs: usize, undo: bool) -> String {
    let runs = count(runs, "run");
    match undo {
        true => format!("{runs} may be redriven again"),
        false => {
            format!("{runs} discarded, nothing deleted; {}", typed_command("dead list --discarded"))
        }
    }
}

/// The failed runs that are named, or all that fit.
fn chosen(
    store: &Store,
    runs: &[String],
    chosen: &Chosen,
    all: bool,
    discarded: bool,
) -> Result<Vec<DeadRun>, Problem> {
    match (runs.is_empty(), chosen.is_none()) {
        (false, true) => runs.iter().map(|ending| failed(store, ending)).collect(),
        (false, false) => Err(Problem::usage("name runs, or say which ones by options, not both")),
        (true, true) if !all => Err(Problem::usage("it isn't said which runs are meant")
            .line("name runs, choose them by --class, --pipeline, --provider or time, or say --all")),
        (true, _) => Ok(store.dead(&DeadFilter { discarded, ..filter_of(chosen) })?),
    }
}

/// The failed run whose id ends with `ending`.
fn failed(store: &Store, ending: &str) -> Result<DeadRun, Problem> {
    let row = find_run(store, ending)?;
    store.dead_run(&row.id)?.ok_or_else(|| {
        let (run, status) = (row.id.clone(), row.status.word().to_owned());
        Error::NotDead { run, status }.into()
    })
}

fn filter_of(chosen: &Chosen) -> DeadFilter {
    let now = now();
    DeadFilter {
        class: chosen.class.map(|class| class.word().to_owned()),
        pipeline: chosen.pipeline.clone(),
        provider: chosen.provider.clone(),
        since: chosen.newer_than.map(|span| now.before(span)),
        until: chosen.older_than.map(|span| now.before(span)),
        ..DeadFilter::default()
    }
}

fn record_of(told: &Told, continued: &[RunId]) -> Json {
    let discarded = told.discarded.as_ref();
    json!({
        "run": told.run.id, "pipeline": told.run.pipeline, "user": told.run.user, "labels": told.run.labels,
        "class": told.run.class, "step": told.step, "operation": told.operation, "attempts": told.attempts,
        "message": told.message, "failed_at": told.run.ended_at.map(|at| at.to_string()),
        "cost": told.run.cost, "continued_by": continued,
        "discarded": discarded.map(|it| json!({ "at": it.at.to_string(), "by": it.by, "why": it.why })),
    })
}
