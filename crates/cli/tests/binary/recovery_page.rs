//! `docs/recovery.md` shows retry, fork and undo on a film: what it shows is what the binary says.

use std::collections::BTreeMap;

use crate::project::Project;
use crate::simulator::Simulator;

/// The blocks between fences of the section about the film, each without its first line, which says of what kind it is.
fn blocks() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/recovery.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("On a narrated film")).unwrap();
    let inside = section.split("```").skip(1).step_by(2);
    inside.map(|block| block.split_once('\n').unwrap().1.to_owned()).collect()
}

/// The words of a line, without lengths of time, sizes, digests and the names of jobs, with runs as they are called in `names`.
fn words(line: &str, names: &BTreeMap<String, String>) -> String {
    let all: Vec<&str> = line.split_whitespace().collect();
    let mut words = Vec::new();
    for (at, word) in all.iter().enumerate() {
        let unit = all.get(at + 1).map(|unit| unit.trim_end_matches([',', ':']));
        let before = at.checked_sub(1).map(|before| all[before]);
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b':'));
        let differs = is_number && (at == 0 && word.contains(':') || matches!(unit, Some("ms" | "s" | "kB")));
        if differs || matches!(before, Some("job" | "bytes")) || word.starts_with("\"sha256:") {
            continue;
        }
        // A moment takes milliseconds here and a tenth of a second there.
        let is_short = word.trim_end_matches([',', ':']) == "ms";
        let mut word = if is_short { word.replacen("ms", "s", 1) } else { (*word).to_owned() };
        for (name, of_page) in names {
            word = word.replace(name, of_page);
        }
        // A run has a long name, of which mostly the end is shown.
        match word.strip_suffix("-undo").map(|run| run.to_owned()) {
            Some(run) if run.is_ascii() => {
                words.push(format!("{}-undo", &run[run.len().saturating_sub(4)..]))
            }
            _ => words.push(word),
        }
    }
    words.join(" ")
}

/// The short name of the run that is begun, if a line says so.
fn run_of(line: &str) -> Option<&str> {
    let name = line.strip_prefix("narrated-film   run ")?.split_whitespace().next()?;
    (name.len() == 4).then_some(name)
}

#[test]
fn the_page_of_recovery_shows_what_really_happens_to_its_film() {
    let blocks = blocks();
    let project = Project::new();
    for (name, content) in ["film.yaml", "faults.yaml", "motet.toml"].into_iter().zip(&blocks) {
        assert!(content.starts_with(&format!("# {name}\n")), "{content}");
        project.write(name, content);
    }
    let sim = ["sim", "--speed", "20", "--scenario", "faults.yaml"];
    let simulator = Simulator::of(project.command(&sim));
    let mut names = BTreeMap::new();
    let shown = blocks[3..].concat();
    let commands = shown.split("$ motet ").skip(1);
    assert_eq!(commands.clone().count(), 7);
    for command in commands {
        let (typed, told) = command.split_once('\n').unwrap();
        let real = |word: &str| {
            let named =
                names.iter().find(|(_, of_page)| **of_page == word).map(|(name, _): (&String, _)| name);
            named.map_or_else(|| word.replace("http://127.0.0.1:8700", simulator.url()), Clone::clone)
        };
        let arguments: Vec<String> = typed.split_whitespace().map(real).collect();
        let output = project.command(&[]).args(&arguments).env("MOTET_STORE", ".motet/sim").output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        let of_page = told.lines().find_map(run_of);
        let of_run = said.lines().find_map(run_of);
        names.extend(of_run.zip(of_page).map(|(name, of_page)| (name.to_owned(), of_page.to_owned())));
        // What happens at the same time is told in any order.
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(|line| words(line, &names)).collect();
            lines.retain(|line| !line.is_empty());
            lines.sort();
            lines.join("\n")
        };
        let (shown, really) = (sorted(told), sorted(&said));
        assert_eq!(shown, really, "motet {typed} says\n{said}");
    }
}
