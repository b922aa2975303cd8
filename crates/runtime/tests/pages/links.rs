//! What the pages refer to is there: files, headings, and the tests that the README calls as proof.

use std::path::{Path, PathBuf};

use crate::stage::repository;

/// Every page of this repository.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/decisions", "examples"] {
        for entry in std::fs::read_dir(repository(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Where the links of a page lead, but for those that leave the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://"))
}

/// The anchors of a page's headings, as they are made from their words.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let there = target.exists() && (anchor.is_empty() || has_anchor(&target, anchor));
            if !there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn has_anchor(page: &Path, anchor: &str) -> bool {
    anchors(&std::fs::read_to_string(page).unwrap()).iter().any(|found| found == anchor)
}

/// Insists that each test that a page names in the row of a table is a test of the file named before it,
/// and says how many there are.
fn proofs(page: &str) -> usize {
    let page = repository(page);
    let text = std::fs::read_to_string(&page).unwrap();
    let is_name =
        |part: &str| part.len() > 24 && part.bytes().all(|b| b.is_ascii_lowercase() || b"_9".contains(&b));
    let mut proofs = 0;
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let mut file = String::new();
        for part in row.split(['(', ')', '`', ' ']) {
            if part.ends_with(".rs") && part.contains('/') {
                file = std::fs::read_to_string(page.parent().unwrap().join(part)).unwrap();
            } else if is_name(part) {
                assert!(file.contains(&format!("fn {part}(")), "`{part}` is no test of its file");
                proofs += 1;
            }
        }
    }
    proofs
}

#[test]
fn every_proof_that_a_page_names_is_a_test() {
    assert!(proofs("README.md") >= 3, "the README names its proofs");
    assert!(proofs("docs/security.md") >= 30, "each threat has its proof");
}
