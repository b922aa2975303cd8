//! `motet models`: which models there are, what each takes, gives and costs.

use motet::language::contract::{Contract, Parameter};
use motet::language::price::Price;
use motet::language::suggestion::closest;
use motet::providers::catalogue::Listing;
use serde_json::{Value as Json, json};

use crate::arguments::{self, ModelsCommand};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::Project;
use crate::render::line::{Line, Tone};
use crate::render::money::dollars;
use crate::render::table::Table;
use crate::render::words::{brief, range};
use crate::score;
use crate::terminal::Terminal;

pub fn models(asked: &arguments::Models, terminal: &Terminal) -> Result<Exit, Problem> {
    match &asked.command {
        ModelsCommand::List(asked) => list(asked, terminal),
        ModelsCommand::Show(asked) => show(asked, terminal),
    }
}

fn list(asked: &arguments::ModelsList, terminal: &Terminal) -> Result<Exit, Problem> {
    let catalogue = Project::find(None, &Default::default())?.settings.models();
    let pattern = asked.pattern.as_deref().unwrap_or_default().to_lowercase();
    let is_meant = |listing: &&Listing| {
        let name = listing.contract.operation.to_lowercase();
        name.contains(&pattern) || listing.entry.summary.to_lowercase().contains(&pattern)
    };
    let found: Vec<&Listing> = catalogue.iter().map(|listing| &**listing).filter(is_meant).collect();
    if asked.json {
        found.iter().for_each(|listing| terminal.data(&format!("{}\n", record_of(listing))));
        return Ok(Exit::Good);
    }
    if found.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, format!("no model matches `{pattern}`")));
    }
    let mut table = Table::with_headings(&["model", "price", "usual", "does"]);
    for listing in found {
        table.row([
            (Tone::Strong, listing.contract.operation.clone()),
            (Tone::Plain, first_price(&listing.contract)),
            (Tone::Plain, usual(&listing.contract)),
            (Tone::Dim, listing.entry.summary.clone()),
        ]);
    }
    terminal.data_table(&table);
    Ok(Exit::Good)
}

fn show(asked: &arguments::ModelsShow, terminal: &Terminal) -> Result<Exit, Problem> {
    let catalogue = Project::find(None, &Default::default())?.settings.models();
    let Some(listing) = catalogue.get(&asked.name) else {
        let problem = Problem::usage(format!("there is no model `{}`", asked.name));
        let names = catalogue.iter().map(|listing| listing.contract.operation.as_str());
        return Err(match (catalogue.advice(&asked.name), closest(&asked.name, names)) {
            (Some(advice), _) => problem.line(advice),
            (None, Some(meant)) => problem.line(format!("did you mean `{meant}`?")),
            (None, None) => problem.line("`motet models list` names them"),
        });
    };
    if asked.json {
        terminal.data(&format!("{:#}\n", record_of(listing)));
        return Ok(Exit::Good);
    }
    let contract = &listing.contract;
    terminal.data_line(&Line::of(Tone::Strong, &contract.operation).plain(format!("   {}", usual(contract))));
    terminal.data_line(&Line::of(Tone::Dim, format!("  {}", listing.entry.summary)));
    terminal.data_line(&Line::new());
    let mut table = Table::with_headings(&["takes", "", "", ""]);
    for parameter in contract.inputs.iter().filter(|parameter| parameter.stands_for.is_none()) {
        table.row([
            (Tone::Strong, parameter.name.clone()),
            (Tone::Plain, parameter.ty.phrase()),
            (Tone::Plain, bounds(parameter)),
            (Tone::Dim, parameter.description.clone()),
        ]);
    }
    table.row([(Tone::Plain, String::new())]);
    for (name, output) in &contract.outputs {
        table.row([(Tone::Strong, format!("→ {name}")), (Tone::Plain, output.phrase())]);
    }
    terminal.data_table(&table);
    terminal.data_line(&Line::new());
    for line in prices(contract) {
        terminal.data_line(&Line::of(Tone::Plain, format!("  {line}")));
    }
    Ok(Exit::Good)
}

fn bounds(parameter: &Parameter) -> String {
    let mut words = Vec::new();
    if parameter.required {
        words.push("required".to_owned());
    }
    words.extend(parameter.default.as_ref().map(|default| format!("= {}", brief(default))));
    if !parameter.one_of.is_empty() {
        let values: Vec<String> = parameter.one_of.iter().map(brief).collect();
        words.push(format!("one of {}", values.join(", ")));
    }
    words.join(", ")
}

fn usual(contract: &Contract) -> String {
    let usual = score::of_contract(contract);
    range(usual.low, usual.high)
}

fn first_price(contract: &Contract) -> String {
    prices(contract).into_iter().next().unwrap_or_default()
}

/// `$0.003 an image`: a line for each tariff.
fn prices(contract: &Contract) -> Vec<String> {
    let Some(Price { tariffs, .. }) = &contract.price else { return vec!["price unknown".to_owned()] };
    let tariff = |tariff: &motet::language::price::Tariff| {
        let per = if tariff.per == 1 { String::new() } else { format!("{} ", tariff.per) };
        format!("{} per {per}{}", dollars(tariff.usd), tariff.unit.word().replace('_', " "))
    };
    tariffs.iter().map(tariff).collect()
}

fn record_of(listing: &Listing) -> Json {
    let contract = &listing.contract;
    json!({
        "name": contract.operation, "provider": listing.entry.provider, "summary": listing.entry.summary,
        "contract": &**contract, "price": contract.price, "source": listing.entry.source,
    })
}
