//! `motet costs`: what was spent, and on what.

use motet::costs::{By, Costs, Group, Open, Sum};
use motet::language::Money;
use motet::store::World;
use serde_json::json;

use crate::arguments::{self, CostsBy};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{Project, find_run};
use crate::render::line::{Line, Look, Tone};
use crate::render::money::dollars;
use crate::render::table::Table;
use crate::render::words::{count, unreal_line};
use crate::terminal::Terminal;

pub fn costs(asked: &arguments::Costs, terminal: &Terminal) -> Result<Exit, Problem> {
    let store = Project::find(None, &asked.store)?.read_store(terminal)?;
    let run = asked.run.as_deref().map(|ending| find_run(&store, ending)).transpose()?.map(|row| row.id);
    let by = asked.by.unwrap_or(if run.is_some() { CostsBy::Step } else { CostsBy::Run });
    let world = store.world()?;
    let costs = Costs::read(&store, run.as_ref(), by.into())?;
    if asked.json {
        let record = json!({
            "run": run, "by": by.word(), "world": world.map(World::word),
            "total": costs.total, "inherited": costs.inherited, "open": costs.open, "groups": costs.groups,
        });
        terminal.data(&format!("{record:#}\n"));
        return Ok(Exit::Good);
    }
    if let Some(line) = unreal_line(world) {
        terminal.data_line(&line);
    }
    if costs.groups.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, "nothing was spent"));
        return Ok(Exit::Good);
    }
    lines(&costs, by, &terminal.out).iter().for_each(|line| terminal.data_line(line));
    if !costs.inherited.is_zero() {
        let words = format!("the earlier runs of its lineage cost {}", dollars(costs.inherited));
        terminal.note_line(&Line::of(Tone::Dim, words));
    }
    Ok(Exit::Good)
}

fn lines(costs: &Costs, by: CostsBy, look: &Look) -> Vec<Line> {
    let headings = [by.word(), "spent", "billed", "computed", "may be billed", "wasted", "saved", "open"];
    let mut table = Table::with_headings(&headings);
    for group in &costs.groups {
        row(&mut table, Tone::Strong, name_of(group, by), &group.sum, &group.open);
    }
    if costs.groups.len() > 1 {
        row(&mut table, Tone::Plain, "total".to_owned(), &costs.total, &costs.open);
    }
    table.lines(look.cut_at(), &look.symbols)
}

fn name_of(group: &Group, by: CostsBy) -> String {
    match by {
        CostsBy::Run => motet::engine::RunId::new(group.name.clone()).short().to_owned(),
        CostsBy::User if group.name.is_empty() => "nobody".to_owned(),
        _ => group.name.clone(),
    }
}

fn row(table: &mut Table, tone: Tone, name: String, sum: &Sum, open: &Open) {
    let amount = |money: Money| if money.is_zero() { String::new() } else { dollars(money) };
    let waiting = match open.attempts {
        0 => String::new(),
        attempts => {
            let attempts = count(usize::try_from(attempts).unwrap_or(usize::MAX), "attempt");
            format!("{attempts}, up to {}", dollars(open.reserved))
        }
    };
    let may_be_billed = match (sum.unpriced, amount(sum.maybe_billed)) {
        (0, known) => known,
        (calls, known) if known.is_empty() => unpriced(calls),
        (calls, known) => format!("{known}, {}", unpriced(calls)),
    };
    table.row([
        (tone, name),
        (Tone::Strong, dollars(sum.spent())),
        (Tone::Plain, amount(sum.billed)),
        (Tone::Plain, amount(sum.computed)),
        (Tone::Doubtful, may_be_billed),
        (Tone::Doubtful, amount(sum.wasted)),
        (Tone::Good, amount(sum.saved)),
        (Tone::Dim, waiting),
    ]);
}

/// Calls that may be billed at a price that nobody knows.
fn unpriced(calls: u64) -> String {
    format!("{} at an unknown price", count(usize::try_from(calls).unwrap_or(usize::MAX), "call"))
}

impl From<CostsBy> for By {
    fn from(by: CostsBy) -> By {
        match by {
            CostsBy::Run => By::Run,
            CostsBy::Step => By::Step,
            CostsBy::Model => By::Model,
            CostsBy::Day => By::Day,
            CostsBy::User => By::User,
        }
    }
}
