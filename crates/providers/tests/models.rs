//! The page of all models, `docs/models.md`: it says what the catalogue says.

use std::fmt::Write;

use motet_pipeline::contract::{Doubt, Parameter};
use motet_pipeline::plan::Timeouts;
use motet_pipeline::price::Tariff;
use motet_pipeline::{Contract, Value};
use motet_providers::catalogue::{Catalogue, Listing};
use motet_providers::prices::PriceBook;

const HEAD: &str = "# Models

All models that come with Motet, made from the data files in `crates/providers/models`. A parameter with two names can be given by
either: the first means the same for all models, the second is the provider's own, in its own unit. `?` marks what nobody has
verified: a parameter so marked is sent with a warning, and marked values are not enforced. A price has a letter for how sure it is:
A stands on a page of the provider, B in data that names such a page, C was read elsewhere, D is not verified. `motet models add` makes
an entry for another model from what its provider publishes.
";

#[test]
fn the_page_of_models_says_what_the_catalogue_says() {
    let mut page = HEAD.to_owned();
    let book = PriceBook::built_in();
    for listing in Catalogue::built_in().iter() {
        write_model(&mut page, listing, &book);
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = folder.join("../../docs/models.md");
    if std::fs::read_to_string(&kept).ok().as_deref() != Some(page.as_str()) {
        let made = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("models.md");
        std::fs::write(&made, page).unwrap();
        panic!("docs/models.md is not what the catalogue says: cp {} docs/models.md", made.display());
    }
}

fn write_model(page: &mut String, listing: &Listing, book: &PriceBook) {
    let contract = &listing.contract;
    let (low, high) = contract.usual_seconds;
    let features: Vec<String> =
        contract.features.iter().map(|feature| format!("{feature:?}").to_lowercase()).collect();
    let features =
        if features.is_empty() { String::new() } else { format!(" Offers: {}.", features.join(", ")) };
    let gives: Vec<String> = contract.outputs.iter().map(|(name, ty)| format!("`{name}` ({ty})")).collect();
    write!(
        page,
        "\n## `{}`\n\n{} Usually {low} to {high} s; the timeout of its job is {}.{features}\n\n",
        contract.operation,
        contract.summary,
        Timeouts::of(contract).job
    )
    .unwrap();
    page.push_str("| parameter | takes | default | |\n| --- | --- | --- | --- |\n");
    let own = contract.inputs.iter().filter(|parameter| parameter.stands_for.is_none());
    own.for_each(|parameter| write_parameter(page, contract, parameter));
    write!(page, "\nGives {}. Price: {}.\n", gives.join(", "), price(listing, book)).unwrap();
}

fn write_parameter(page: &mut String, contract: &Contract, parameter: &Parameter) {
    let names: Vec<String> = contract.ways(&parameter.name).map(|name| format!("`{name}`")).collect();
    let must = if parameter.required { " **needed**" } else { "" };
    let is_doubtful = parameter.doubt == Some(Doubt::Name);
    let doubt = if is_doubtful { " ?" } else { "" };
    let default = parameter.default.as_ref().map_or_else(String::new, |value| format!("`{}`", shown(value)));
    let about = parameter.description.replace('|', "\\|");
    let native = contract.inputs.iter().filter(|other| other.stands_for.as_deref() == Some(&parameter.name));
    let natively = native.map(|native| (&native.name, takes(native)));
    let natively = natively.filter(|(_, natively)| *natively != takes(parameter));
    let natively: String = natively.map(|(name, natively)| format!("; `{name}`: {natively}")).collect();
    let takes = format!("{}{natively}", takes(parameter));
    writeln!(page, "| {}{must}{doubt} | {takes} | {default} | {about} |", names.join(", ")).unwrap();
}

fn takes(parameter: &Parameter) -> String {
    const SHOWN: usize = 12;
    let doubt = if parameter.doubt == Some(Doubt::Values) { " ?" } else { "" };
    let bounds = match (parameter.min, parameter.max) {
        (Some(min), Some(max)) => format!(" {min}..{max}"),
        (Some(min), None) => format!(" from {min}"),
        (None, Some(max)) => format!(" up to {max}"),
        (None, None) => String::new(),
    };
    let mut values: Vec<String> =
        parameter.one_of.iter().take(SHOWN).map(|value| format!("`{}`", shown(value))).collect();
    if parameter.one_of.len() > SHOWN {
        values.push(format!("… ({})", parameter.one_of.len()));
    }
    let limits = if parameter.limits.is_none() { String::new() } else { format!(" {}", parameter.limits) };
    match values.is_empty() {
        true => format!("{}{bounds}{limits}{doubt}", parameter.ty),
        false => format!("{}{doubt}", values.join(" ")),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json().to_string(), str::to_owned)
}

fn price(listing: &Listing, book: &PriceBook) -> String {
    let price = match book.price(&listing.entry) {
        Ok(price) => price,
        Err(unpriced) => return format!("not known ({})", unpriced.reason.trim_end_matches('.')),
    };
    let tariffs =
        price.tariffs.iter().map(|Tariff { unit, per, usd, when, estimate_only, confidence, .. }| {
            let per = if *per == 1 { String::new() } else { format!("{per} × ") };
            let when: Vec<String> = when.iter().map(|condition| format!("`{condition}`")).collect();
            let when = if when.is_empty() { String::new() } else { format!(" for {}", when.join(", ")) };
            let only = if *estimate_only { ", estimates only" } else { "" };
            format!("${usd} for {per}`{unit}`{when} ({confidence:?}{only})")
        });
    tariffs.collect::<Vec<_>>().join("; ")
}
