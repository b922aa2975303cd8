//! `docs/language.md` lists the filters and tests that there are.

use std::collections::BTreeSet;

use crate::expression::{filters, functions, predicates};

const PAGE: &str = include_str!("../../../../../docs/language.md");

/// The words in back quotes of the paragraph that begins with `start`.
fn listed(start: &str) -> BTreeSet<&'static str> {
    let from = PAGE.find(start).unwrap_or_else(|| panic!("the page has no paragraph {start}"));
    let paragraph = PAGE[from..].split("\n\n").next().expect("a text has a first part");
    paragraph.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_page_lists_all_filters_tests_and_functions() {
    assert_eq!(listed("**Filters**"), filters::names().collect());
    assert_eq!(listed("**Tests**"), predicates::names().collect());
    assert_eq!(functions::names().collect::<Vec<_>>(), ["range"], "as the page says");
}
