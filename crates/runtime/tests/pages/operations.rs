//! `docs/http.md`, `docs/local.md`, `docs/media.md` and `docs/stores.md` say what the contracts say: what is below their first line of
//! dashes is written from the contracts. `UPDATE_PAGES=1 cargo test -p motet --test pages operations` writes it.

use motet::language::contract::{Parameter, Tool};
use motet::language::{Contract, Value};

use crate::stage::{repository, simulated};

/// Separates what is written by hand from what is written from the contracts.
const BELOW: &str =
    "\n<!-- Below: written from the contracts; see crates/runtime/tests/pages/operations.rs -->\n";

fn section(contract: &Contract) -> String {
    let mut text = format!("\n## `{}`\n\n{}\n\n", contract.operation, contract.summary);
    if !contract.tools.is_empty() {
        let tools: Vec<_> = contract.tools.iter().map(|tool| tool_word(*tool)).collect();
        text += &format!("Needs {} on the machine.\n\n", tools.join(" and "));
    }
    text += "| input | type | default | range | about |\n| --- | --- | --- | --- | --- |\n";
    for parameter in &contract.inputs {
        text += &row(parameter);
    }
    text += "\n| output | type |\n| --- | --- |\n";
    for (name, ty) in &contract.outputs {
        text += &format!("| `{name}` | {ty} |\n");
    }
    text
}

fn tool_word(tool: Tool) -> &'static str {
    match tool {
        Tool::Ffmpeg => "ffmpeg",
        Tool::EspeakNg => "espeak-ng",
        Tool::Font => "a font",
    }
}

fn row(parameter: &Parameter) -> String {
    let default = match (&parameter.default, parameter.required) {
        (Some(value), _) => format!("`{}`", plain(value)),
        (None, true) => "required".to_owned(),
        (None, false) => String::new(),
    };
    let range = match (parameter.min, parameter.max) {
        (None, None) => {
            parameter.one_of.iter().map(|value| format!("`{}`", plain(value))).collect::<Vec<_>>().join(" ")
        }
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("from {min}"),
        (None, Some(max)) => format!("to {max}"),
    };
    let about = parameter.description.replace('|', "\\|");
    format!("| `{}` | {} | {default} | {range} | {about} |\n", parameter.name, parameter.ty)
}

/// A value as one writes it in a file: text without quotes, 5.0 as 5.
fn plain(value: &Value) -> String {
    match (value.as_str(), value.as_i64()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(number)) => number.to_string(),
        (None, None) => value.to_json().to_string(),
    }
}

#[test]
fn the_pages_of_the_operations_say_what_their_contracts_say() {
    let motet = motet::world::virtual_time::run(simulated());
    for (page, beginning) in
        [("docs/http.md", "http/"), ("docs/local.md", "local/"), ("docs/media.md", "media/")]
    {
        let contracts = motet.catalogue().iter().filter(|contract| contract.operation.starts_with(beginning));
        assert_page(page, contracts.map(|contract| section(contract)).collect());
    }
    assert_page("docs/stores.md", motet::operation::store_contracts().iter().map(section).collect());
}

fn assert_page(page: &str, generated: String) {
    let path = repository(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (own, below) = text.split_once(BELOW).unwrap_or_else(|| panic!("{page} has no line {BELOW}"));
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, format!("{own}{BELOW}{generated}")).unwrap();
    } else {
        assert_eq!(below, generated, "{page} is out of date: run this test with UPDATE_PAGES=1");
    }
}

#[test]
fn the_pages_name_the_oldest_ffmpeg_that_will_do() {
    let needed = format!("ffmpeg {} or newer", motet::tools::FFMPEG_VERSION_MIN);
    for page in ["README.md", "docs/media.md"] {
        let text = std::fs::read_to_string(repository(page)).unwrap();
        assert!(text.contains(&needed), "{page} does not say `{needed}`");
    }
}
