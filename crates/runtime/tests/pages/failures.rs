//! `docs/failures.md` says what the code does: its table is read and compared.

use std::collections::BTreeMap;
use std::path::Path;

use motet::Class;
use motet::engine::dispatcher::breaker;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/failures.md");
    std::fs::read_to_string(path).unwrap()
}

/// The rows of the table of classes, by class: what stands in each further column.
fn rows(page: &str) -> BTreeMap<String, Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let table = page.lines().skip_while(|line| !line.starts_with("| class |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|')).map(cells);
    rows.map(|cells| (cells[0].trim_matches('`').to_owned(), cells[1..].to_vec())).collect()
}

#[test]
fn the_table_says_of_each_class_what_the_code_does() {
    let page = page();
    let rows = rows(&page);
    assert_eq!(rows.len(), Class::ALL.len());
    for class in Class::ALL {
        let row = rows.get(class.word()).unwrap_or_else(|| panic!("{class} isn't in the table"));
        let [_, again, next, key, breaker, _] = row.as_slice() else { panic!("{class}: {row:?}") };
        let says = |cell: &str| match cell.split(',').next().unwrap() {
            "yes" => true,
            "no" => false,
            other => panic!("{class}: `{other}` is neither yes nor no"),
        };
        assert_eq!(says(again), Class::RETRY_DEFAULT.contains(&class), "{class}: tried again");
        assert_eq!(says(next), Class::FALLBACK_DEFAULT.contains(&class), "{class}: next target");
        assert_eq!(says(key), class.is_about_key(), "{class}: another key");
        assert_eq!(says(breaker), breaker::counts(class), "{class}: breaker");
    }
}

#[test]
fn the_figures_of_the_breaker_and_of_pauses_are_those_of_the_code() {
    let page = page();
    let breaker::Policy { failures_in_a_row, calls_least, window, failed_percent, open_for, successes } =
        breaker::Policy::default();
    let policy = format!(
        "{failures_in_a_row} failures in a row, or {failed_percent} % of at least {calls_least} calls in {window}, open it for \
         {open_for}; {successes} good calls close it"
    );
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&policy), "{policy}");
}
