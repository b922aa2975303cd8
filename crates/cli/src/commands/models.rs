//! `motet models`: which models there are, what each takes, gives and costs, and how another one is added.

use std::sync::Arc;

use motet::Settings;
use motet::language::contract::{Contract, Doubt, Parameter};
use motet::language::plan::Timeouts;
use motet::language::price::Price;
use motet::language::suggestion::closest;
use motet::providers::catalogue::{Catalogue, Listing};
use motet::world::live::LiveWorld;
use serde_json::{Value as Json, json};

use crate::arguments::{self, WorldFlags};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{Project, shown_path};
use crate::render::line::{Line, Tone};
use crate::render::money::dollars;
use crate::render::plan::limits_json;
use crate::render::table::Table;
use crate::render::words::{brief, range};
use crate::score;
use crate::terminal::Terminal;

pub async fn add(asked: arguments::ModelsAdd, terminal: Terminal) -> Result<Exit, Problem> {
    let world = WorldFlags { sim: asked.sim, ..WorldFlags::default() };
    let Project { settings, .. } =
        Project::find(None, &Default::default())?.in_world(&world, &Default::default())?;
    let entry = settings.describe_model(&asked.name, Arc::new(LiveWorld::default())).await?;
    let operation = entry.operation();
    if Catalogue::built_in().get(&operation).is_some() && !asked.replace {
        return Err(Problem::usage(format!("{operation} comes with Motet"))
            .line(format!("what it takes: motet models show {operation}"))
            .line("to use what its provider publishes in its place, and without its price: --replace"));
    }
    let path = settings.add_model(&entry, asked.replace)?;
    terminal.data_line(
        &Line::of(Tone::Good, "added ")
            .then(Tone::Strong, &operation)
            .plain(format!("   {}", shown_path(&path))),
    );
    for remark in entry.remarks() {
        terminal.data_line(&Line::of(Tone::Dim, format!("  {remark}")));
    }
    terminal.note_line(&Line::of(Tone::Plain, format!("next: motet models show {operation}")));
    Ok(Exit::Good)
}

pub fn list(asked: &arguments::ModelsList, terminal: &Terminal) -> Result<Exit, Problem> {
    let settings = Project::find(None, &Default::default())?.settings;
    let catalogue = settings.catalogue_of_models();
    let pattern = asked.pattern.as_deref().unwrap_or_default().to_lowercase();
    let is_meant = |listing: &&Listing| {
        let name = listing.contract.operation.to_lowercase();
        name.contains(&pattern) || listing.entry.summary.to_lowercase().contains(&pattern)
    };
    let found: Vec<&Listing> = catalogue.iter().map(|listing| &**listing).filter(is_meant).collect();
    if asked.json {
        found.iter().for_each(|listing| terminal.data(&format!("{}\n", record_of(listing, &settings))));
        return Ok(Exit::Good);
    }
    if found.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, format!("no model matches `{pattern}`")));
    }
    let mut table = Table::with_headings(&["model", "price", "usual", "from", "does"]);
    for listing in found {
        table.row([
            (Tone::Strong, listing.contract.operation.clone()),
            (Tone::Plain, first_price(&listing.contract)),
            (Tone::Plain, usual(&listing.contract)),
            (Tone::Plain, origin(listing, &settings).unwrap_or_default()),
            (Tone::Dim, listing.entry.summary.clone()),
        ]);
    }
    terminal.data_table(&table);
    Ok(Exit::Good)
}

pub fn show(asked: &arguments::ModelsShow, terminal: &Terminal) -> Result<Exit, Problem> {
    let settings = Project::find(None, &Default::default())?.settings;
    let catalogue = settings.catalogue_of_models();
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
        terminal.data(&format!("{:#}\n", record_of(listing, &settings)));
        return Ok(Exit::Good);
    }
    let contract = &listing.contract;
    terminal.data_line(&Line::of(Tone::Strong, &contract.operation).plain(format!("   {}", usual(contract))));
    terminal.data_line(&Line::of(Tone::Dim, format!("  {}", listing.entry.summary)));
    let origin = origin(listing, &settings).map(|path| format!("  a model of the project's own: {path}"));
    origin.into_iter().for_each(|words| terminal.data_line(&Line::of(Tone::Dim, words)));
    terminal.data_line(&Line::new());
    let mut table = Table::with_headings(&["takes", "", "", ""]);
    for parameter in contract.inputs.iter().filter(|parameter| parameter.stands_for.is_none()) {
        table.row([
            (Tone::Strong, parameter.name.clone()),
            (Tone::Plain, parameter.ty.phrase()),
            (Tone::Plain, bounds(parameter)),
            (Tone::Dim, about(parameter)),
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
    terminal.data_line(&Line::of(Tone::Dim, format!("  {}", patience(&Timeouts::of(contract)))));
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
    if !parameter.limits.is_none() {
        words.push(parameter.limits.to_string());
    }
    words.join(", ")
}

fn about(parameter: &Parameter) -> String {
    let doubt = match parameter.doubt {
        None => "",
        Some(Doubt::Name) => " (nobody has verified that it is taken)",
        Some(Doubt::Values) => " (nobody has verified which values are)",
    };
    format!("{}{doubt}", parameter.description)
}

/// The project's file that describes a model; nothing for one that comes with Motet.
fn origin(listing: &Listing, settings: &Settings) -> Option<String> {
    let own = settings.models.iter().find(|file| file.entry == listing.entry)?;
    Some(shown_path(&own.path))
}

fn usual(contract: &Contract) -> String {
    let usual = score::of_contract(contract);
    range(usual.low, usual.high)
}

/// How long is waited where a pipeline says nothing else.
fn patience(limits: &Timeouts) -> String {
    let Timeouts { request, queue, job, .. } = limits;
    format!("timeouts, if none are written: reply {request}, queue {queue}, job {job}")
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

fn record_of(listing: &Listing, settings: &Settings) -> Json {
    let contract = &listing.contract;
    json!({
        "name": contract.operation, "provider": listing.entry.provider, "summary": listing.entry.summary,
        "timeouts": limits_json(&Timeouts::of(contract)),
        "contract": &**contract, "price": contract.price, "source": listing.entry.source,
        "file": origin(listing, settings),
    })
}
