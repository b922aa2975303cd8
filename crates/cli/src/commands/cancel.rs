//! `motet cancel`: a run is asked to end.

use motet::follow::Happening;
use motet::store::RunStatus;

use crate::arguments;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{Project, find_run, typed_command, user_name};
use crate::render::line::{Line, Tone};
use crate::terminal::Terminal;

pub async fn cancel(asked: arguments::Cancel, terminal: Terminal) -> Result<Exit, Problem> {
    let project = Project::find(None, &asked.store)?;
    let row = find_run(&project.read_store()?, &asked.run)?;
    let short = row.id.short();
    if row.status.is_final() {
        terminal.note_line(&Line::of(
            Tone::Plain,
            format!("{short} is {} already; nothing to cancel", row.status),
        ));
        return Ok(Exit::Good);
    }
    let session = project.open_session(terminal).await?;
    let user = user_name();
    let run = session.cancel(row.id.as_str(), &user, &asked.reason).await?;
    let mut followed = session.follow(run.as_str()).await?;
    while let Some(happening) = followed.next().await {
        if matches!(&happening, Happening::Turn(turn) if turn.events.last().is_some_and(|event| event.ends_run()))
        {
            break;
        }
    }
    let status = session.store().run(&run)?.map_or(row.status, |row| row.status);
    session.close().await;
    match status {
        RunStatus::Cancelled => {
            terminal.note_line(&Line::of(Tone::Plain, format!("{short} is cancelled; what is done is kept")));
            Ok(Exit::Good)
        }
        other if other.is_final() => {
            terminal.note_line(&Line::of(
                Tone::Plain,
                format!("{short} was {other} before it could be cancelled"),
            ));
            Ok(Exit::Good)
        }
        _ => Err(Problem::new(Exit::Machine, format!("{short} was asked to end, but no process drives it"))
            .line(format!("resume it, and it will end: {}", typed_command(format!("resume {short}"))))),
    }
}
