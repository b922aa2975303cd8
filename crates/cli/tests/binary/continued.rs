//! Runs that continue from one that is over: what is finished is kept and not paid again.

use serde_json::Value as Json;

use crate::assert_transcript;
use crate::project::Project;
use crate::simulated::Stage;
use crate::simulator::Simulator;

/// Three pictures at $0.003 each, and one that is made of them.
const FILM: &str = r#"
motet: 1
name: film
inputs: { mood: { type: string, default: calm } }
steps:
  shots:
    each: [sea, wood, town]
    key: "{{ item }}"
    uses: replicate/black-forest-labs/flux-schnell
    with: { prompt: "a {{ item }}" }
  cover: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "{{ inputs.mood }}" }, needs: [shots] }
outputs: { pictures: "{{ steps.shots.items }}", cover: "{{ steps.cover.image }}" }
"#;

/// How many requests were paid.
fn paid(simulator: &Simulator) -> usize {
    simulator.ledger().len()
}

/// The results that were kept, of `motet run --json`.
fn kept(events: &str) -> Vec<String> {
    let events = events.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let kept = events.filter(|event| event["reused"]["run"].is_string());
    kept.map(|event| {
        format!("{} ${}", event["step"].as_str().unwrap(), event["reused"]["saved"].as_str().unwrap())
    })
    .collect()
}

#[test]
fn a_failed_run_is_done_over_and_only_what_failed_is_paid() {
    let stage = Stage::with("film.yaml", FILM);
    let simulator = Simulator::begin(&stage.0, "[]");
    let place = format!("--sim={}", simulator.url());
    simulator.go_wrong("[{ model: black-forest-labs/flux-schnell, fault: content, nth: 4 }]");
    let said = stage.ends(1, &["run", "film.yaml", "--id", "first", &place]);
    assert!(said.contains("motet retry first --store .motet/sim"), "{said}");
    let before = paid(&simulator);
    simulator.go_wrong("[]");

    let output = stage.run(&["retry", "first", "--json", "--store", ".motet/sim"]);
    let events = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{events}");
    assert_eq!(kept(&events), ["shots[sea] $0.003", "shots[wood] $0.003", "shots[town] $0.003"]);
    assert_eq!(paid(&simulator), before + 1, "one more request was paid");

    let costs = |words: &[&str]| {
        let words: Vec<&str> = ["costs", "--json"].iter().chain(words).copied().collect();
        stage.json(&[&words[..], &["--store", ".motet/sim"]].concat())
    };
    let retry = events.lines().last().map(|line| serde_json::from_str::<Json>(line).unwrap()).unwrap();
    let own = costs(&[retry["run"].as_str().unwrap(), "--by", "step"]);
    assert_eq!(
        (own["total"]["computed"].as_str(), own["total"]["saved"].as_str()),
        (Some("0.003"), Some("0.009"))
    );
    assert_eq!((own["inherited"].as_str(), retry["saved"].as_str()), (Some("0.012"), Some("0.009")));
    assert_eq!(own["groups"][1]["name"], "film/shots");
    assert_eq!(
        (own["groups"][1]["saved"].as_str(), own["groups"][0]["saved"].as_str()),
        (Some("0.009"), Some("0"))
    );
    let all = costs(&["--by", "model"]);
    assert_eq!(all["total"]["saved"], "0.009");
    assert_eq!(
        all["total"]["wasted"], "0.003",
        "the run failed, but what it paid is in use, but for what failed it"
    );
    assert_eq!(all["groups"].as_array().unwrap().len(), 1, "{all}");
    let lost = costs(&["first"]);
    assert_eq!((lost["total"]["wasted"].as_str(), lost["inherited"].as_str()), (Some("0.003"), Some("0")));
    let shown = stage.run(&["show", retry["run"].as_str().unwrap(), "--store", ".motet/sim"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("$0.003, $0.009 saved, $0.012 in earlier runs"), "{shown}");

    let refused = stage.ends(2, &["retry", "first", "--from", "shots[sea]/still", "--store", ".motet/sim"]);
    assert!(refused.contains("has no step `shots[sea]/still`"), "{refused}");
    for words in [["retry", "first", "--from"], ["fork", "first", "--fresh"]] {
        let refused = stage.ends(2, &[&words as &[&str], &["shots[moon]", "--store", ".motet/sim"]].concat());
        assert!(refused.contains("run first had no item `shots[moon]`"), "{refused}");
    }

    // Typed again it would be bought again.
    let paid_by_now = paid(&simulator);
    let run = retry["run"].as_str().unwrap();
    let refused = stage.ends(2, &["retry", "first", "--store", ".motet/sim"]);
    let words = format!("run first was retried already, by run {}, which completed", &run[run.len() - 4..]);
    assert!(refused.contains(&words), "{refused}");
    assert_eq!(paid(&simulator), paid_by_now);
    stage.ends(0, &["retry", "first", "--from", "shots[sea]", "--store", ".motet/sim"]);
    assert_eq!(paid(&simulator), paid_by_now + 2, "that one, and what `first` lacks");
}

#[test]
fn a_fork_pays_what_changed_and_a_new_take_is_another_one() {
    let stage = Stage::with("film.yaml", FILM);
    let simulator = Simulator::begin(&stage.0, "[]");
    let place = format!("--sim={}", simulator.url());
    stage.ends(0, &["run", "film.yaml", "--id", "first", &place]);
    assert_eq!(paid(&simulator), 4);

    let fork = |words: &[&str]| {
        let words: Vec<&str> =
            ["fork", "first", "--json", "--store", ".motet/sim"].iter().chain(words).copied().collect();
        let output = stage.run(&words);
        let events = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{events}");
        events
    };
    assert_eq!(kept(&fork(&[])).len(), 4);
    assert_eq!(paid(&simulator), 4, "nothing changed, and nothing was paid");
    assert_eq!(kept(&fork(&["--input", "mood=stormy"])).len(), 3);
    assert_eq!(paid(&simulator), 5);
    assert_eq!(kept(&fork(&["--fresh", "shots[wood]"])).len(), 3);
    assert_eq!(paid(&simulator), 6);
    stage.0.write("edited.yaml", FILM.replace("[sea, wood, town]", "[wood, lake]"));
    assert_eq!(kept(&fork(&["--pipeline", "edited.yaml"])), ["shots[wood] $0.003", "cover $0.003"]);
    assert_eq!(paid(&simulator), 7);
}

#[test]
fn the_budget_holds_for_the_lineage() {
    let stage = Stage::with("film.yaml", FILM);
    let simulator = Simulator::begin(&stage.0, "[]");
    let place = format!("--sim={}", simulator.url());
    stage.ends(0, &["run", "film.yaml", "--id", "first", "--budget", "0.013", &place]);
    let parked = stage.ends(5, &["fork", "first", "--input", "mood=stormy", "--store", ".motet/sim"]);
    assert!(parked.contains("parked"), "{parked}");
    assert_eq!(paid(&simulator), 4, "a tenth of a cent was left");
    stage.ends(0, &["fork", "first", "--input", "mood=stormy", "--budget", "1", "--store", ".motet/sim"]);
    assert_eq!(paid(&simulator), 5);
}

#[test]
fn what_cannot_be_continued_is_refused_in_words() {
    let project = Project::with(
        "wait.yaml",
        "motet: 1\nname: wait\nsteps:\n  a: { uses: data/transform, with: { value: 1 } }\n  \
         b: { uses: flow/fail, with: { message: no reply, class: unknown }, on_unknown: park, needs: a }\n",
    );
    project.write(
        "good.yaml",
        "motet: 1\nname: good\nsteps:\n  a: { uses: data/transform, with: { value: 1 } }\n",
    );
    let told = project.transcript(&["run", "wait.yaml", "--id", "waits"])
        + &project.transcript(&["retry", "waits"])
        + &project.transcript(&["run", "good.yaml", "--id", "good"])
        + &project.transcript(&["retry", "good"])
        + &project.transcript(&["fork", "good", "--fresh", "b"])
        + &project.transcript(&["retry", "nobody"])
        + &project.transcript(&["retry", "good", "--from", "a", "--id", "x"]);
    assert_transcript!(project, told);
}

/// What `plan --against` says.
fn against(stage: &Stage, words: &[&str]) -> String {
    let words: Vec<&str> = ["plan", "film.yaml", "--against", "first", "--store", ".motet/sim"]
        .iter()
        .chain(words)
        .copied()
        .collect();
    stage.0.transcript(&words)
}

#[test]
fn a_plan_against_a_run_tells_what_a_fork_reuses_and_pays_before_it_does() {
    let stage = Stage::with("film.yaml", FILM);
    let simulator = Simulator::begin(&stage.0, "[]");
    let place = format!("--sim={}", simulator.url());
    simulator.go_wrong("[{ model: black-forest-labs/flux-schnell, fault: content, nth: 4 }]");
    stage.ends(1, &["run", "film.yaml", "--id", "first", &place]);
    let paid_before = paid(&simulator);
    let mut told = against(&stage, &[]) + &against(&stage, &["--fresh", "shots[wood]"]);
    stage.0.write(
        "film.yaml",
        FILM.replace("a {{ item }}", "a {{ item }} at night").replace("needs: [shots]", "needs: []"),
    );
    told += &against(&stage, &["--input", "mood=stormy"]);
    stage.0.write("film.yaml", FILM.replace("[sea, wood, town]", "[wood, lake]"));
    told += &against(&stage, &["--json"]);
    assert_eq!(paid(&simulator), paid_before, "nothing was done");
    // A result whose bytes are gone is made again; one that can't be read must not be paid again.
    stage.0.write("film.yaml", FILM);
    let picture = stage.0.good(&["artifacts", "first", "--json", "--store", ".motet/sim"]);
    let picture: Json = serde_json::from_str(picture.lines().next().unwrap()).unwrap();
    let file = picture["artifact"]["path"].as_str().unwrap_or_else(|| panic!("{picture}"));
    let bytes = std::fs::read(file).unwrap();
    std::fs::remove_file(file).unwrap();
    told += &against(&stage, &[]);
    std::fs::write(file, &bytes[1..]).unwrap();
    let refused = stage.run(&["plan", "film.yaml", "--against", "first", "--store", ".motet/sim"]);
    let refused = String::from_utf8(refused.stderr).unwrap();
    assert!(
        refused.contains("bytes instead of") && refused.contains(file.rsplit('/').next().unwrap()),
        "{refused}"
    );
    let refused = stage.run(&["retry", "first", "--store", ".motet/sim"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("bytes instead of"));
    assert_eq!(paid(&simulator), paid_before, "nothing was done");
    assert_transcript!(stage.0, told);
}

#[test]
fn a_retry_and_a_fork_ask_before_much_is_spent_as_a_run_does() {
    const DEAR: &str = r#"
motet: 1
name: dear
inputs: { mood: { type: string, default: calm } }
steps:
  draft: { uses: http/request, with: { url: "http://127.0.0.1:9/" }, retry: { attempts: 1 } }
  cover: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "{{ inputs.mood }}" }, needs: [draft] }
"#;
    let project = Project::with("dear.yaml", DEAR);
    project.write("motet.toml", "[money]\nask_above = 0.001\n");
    let motet = |words: &[&str]| {
        let output = project.command(words).env("REPLICATE_API_TOKEN", "r8_of_nobody").output().unwrap();
        crate::project::transcript(words, &output)
    };
    let told = motet(&["run", "dear.yaml", "--id", "dear"])
        + &motet(&["run", "dear.yaml", "--id", "dear", "--yes"])
        + &motet(&["plan", "dear.yaml", "--against", "dear"])
        + &motet(&["retry", "dear"])
        + &motet(&["fork", "dear", "--input", "mood=stormy"]);
    for answered in [&["retry", "dear", "--yes"][..], &["fork", "dear", "--budget", "1"]] {
        let said = motet(answered);
        assert!(said.contains("failed after") && said.contains("--- exit 1"), "{said}");
    }
    assert_transcript!(project, told);
}
