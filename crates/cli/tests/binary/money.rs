//! Money, with a simulator in the place of the providers: what a run may cost, and what it did.

use std::process::Stdio;

use serde_json::Value as Json;

use crate::simulated::Stage;
use crate::simulator::Simulator;

/// Two pictures at $0.003 each.
pub const FILM: &str = r#"
motet: 1
name: film
inputs: { prompt: { type: string, default: a boat } }
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "{{ inputs.prompt }}" } }
  second: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a barge }, needs: [still] }
outputs: { picture: "{{ steps.second.image }}" }
"#;

/// One picture at $0.003.
const STILL: &str = r#"
motet: 1
name: still
inputs: { prompt: string }
steps: { still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "{{ inputs.prompt }}" } } }
outputs: { picture: "{{ steps.still.image }}" }
"#;

#[test]
fn a_run_that_is_parked_for_money_names_the_command_that_goes_on_with_it() {
    let stage = Stage::with("film.yaml", FILM);
    let said = stage.ends(5, &["run", "film.yaml", "--sim", "--budget", "0.004"]);
    assert!(said.contains("simulated"), "{said}");
    let command = said.lines().rev().find_map(|line| line.trim().strip_prefix("motet resume ")).unwrap();
    let command = command.split(" · ").next().unwrap();
    assert!(command.contains("--budget 0.01 --store .motet/sim"), "{command}");

    // There is nothing to decide about what waits for money.
    let run = command.split(' ').next().unwrap();
    for decision in ["send", "fail", "job=j1"] {
        let said = stage.ends(2, &["resolve", run, "second", decision, "--store", ".motet/sim"]);
        assert!(said.contains(&format!("it waits for money: motet resume {command}")), "{said}");
    }
    let again = stage.ends(5, &["resume", "--store", ".motet/sim", run]);
    assert!(again.contains("parked"), "{again}");
    // 0 is a budget as any other.
    let again = stage.ends(5, &["resume", "--store", ".motet/sim", run, "--budget", "0"]);
    assert!(again.contains("that is left of the $0 of run"), "{again}");
    let words: Vec<&str> = std::iter::once("resume").chain(command.split(' ')).collect();
    let said = stage.ends(0, &words);
    assert!(!said.contains("--budget changes nothing"), "{said}");
    let said = stage.ends(0, &words);
    assert!(said.contains(&format!("run {run} is completed, so --budget changes nothing")), "{said}");

    let costs = stage.json(&["costs", "--json", "--by", "model", "--store", ".motet/sim"]);
    assert_eq!(costs["world"], "simulated");
    assert_eq!(costs["total"]["computed"], "0.006");
    assert_eq!(costs["total"]["wasted"], "0");
    assert_eq!(costs["open"]["attempts"], 0);
    assert_eq!(costs["groups"][0]["name"], "replicate/black-forest-labs/flux-schnell");
}

#[test]
fn a_budget_for_a_run_that_is_found_holds_unless_it_is_over() {
    let stage = Stage::with("film.yaml", FILM);
    let run =
        |code, budget| stage.ends(code, &["run", "film.yaml", "--id", "film", "--sim", "--budget", budget]);
    let unused = "run film is completed, so --budget changes nothing";
    assert!(run(5, "0").contains("that is left of the $0 of run film"));
    assert!(!run(0, "1").contains(unused));
    assert!(run(0, "2").contains(unused));
}

/// Its price is per minute of what comes in, $0.30, and the simulator's songs last half a minute where nobody says how long.
#[test]
fn a_song_without_a_duration_is_booked_by_its_measured_length() {
    let song = "motet: 1\nname: song\nsteps:\n  song: { uses: elevenlabs/music_v1, with: { prompt: a shanty } }\n\
                outputs: { song: \"{{ steps.song.audio }}\" }\n";
    let stage = Stage::with("song.yaml", song);
    stage.ends(0, &["run", "song.yaml", "--id", "song", "--sim"]);
    let shown = stage.json(&["show", "song", "--json", "--store", ".motet/sim"]);
    let seconds = shown["outputs"]["song"]["duration"].as_f64().expect("it is measured");
    let costs = stage.json(&["costs", "--json", "--store", ".motet/sim"]);
    let booked: f64 = costs["total"]["computed"].as_str().expect("an amount").parse().expect("a number");
    assert!((booked - seconds * 0.3 / 60.0).abs() < 0.000_001, "{booked} for {seconds} s");
    assert!((29.0..31.0).contains(&seconds), "{seconds}");
    assert_eq!(shown.get("may_bill"), None, "{shown}");
}

#[test]
fn nothing_simulated_looks_real_and_a_store_stays_in_its_world() {
    let stage = Stage::with("film.yaml", FILM);
    stage.ends(0, &["run", "film.yaml", "--sim", "--id", "first"]);
    for screen in [&["runs"][..], &["show", "first"], &["costs"]] {
        let words: Vec<&str> = screen.iter().copied().chain(["--store", ".motet/sim"]).collect();
        let output = stage.run(&words);
        assert!(String::from_utf8_lossy(&output.stdout).contains("simulated"), "{screen:?}");
    }
    let (_, first) = stage.simulator();
    stage.ends(0, &["run", "film.yaml", "--sim", "--new"]);
    assert_eq!(stage.simulator().1, first, "the simulator outlives a run");

    let mut real = stage.0.command(&["run", "film.yaml", "--new", "--store", ".motet/sim"]);
    let output = real.env("REPLICATE_API_TOKEN", "planted").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("are simulated, and this would be real"), "{said}");
    assert!(!output.status.success());
}

#[test]
fn what_a_run_needs_and_lacks_is_said_before_it_runs() {
    let stage = Stage::with("film.yaml", FILM);
    let plan = stage.run(&["plan", "film.yaml"]);
    assert_eq!(plan.status.code(), Some(6));
    let (data, said) = (String::from_utf8_lossy(&plan.stdout), String::from_utf8_lossy(&plan.stderr));
    assert!(data.contains("$0.006") && data.contains("$0.003"), "{data}");
    assert!(said.contains("needs a key of replicate") && said.contains("REPLICATE_API_TOKEN"), "{said}");
    assert!(stage.ends(0, &["check", "film.yaml"]).contains("REPLICATE_API_TOKEN"));
    stage.ends(6, &["run", "film.yaml"]);

    let output = stage.run(&["plan", "film.yaml", "--json"]);
    // A missing key is told behind it.
    let mut records = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Json>();
    let record = records.next().unwrap().unwrap();
    assert_eq!(record["estimate"]["likely"], "0.006");
    assert_eq!(record["estimate"]["steps"][0]["step"], "still");
}

#[test]
fn without_a_terminal_a_dear_run_needs_a_word_on_the_command_line() {
    let stage = Stage::with("film.yaml", FILM);
    stage.0.write("motet.toml", "[money]\nask_above = 0.005\n");
    let mut dear = stage.0.command(&["run", "film.yaml"]);
    let output = dear.env("REPLICATE_API_TOKEN", "planted").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("likely to cost $0.006") && said.contains("--budget"), "{said}");
    assert!(!stage.0.path().join(".motet").exists(), "nothing ran");
    // What is simulated costs nothing.
    stage.ends(0, &["run", "film.yaml", "--sim"]);
}

#[test]
fn what_was_recorded_is_replayed_without_a_key_and_a_provider() {
    let stage = Stage::with("film.yaml", FILM);
    stage.ends(0, &["run", "film.yaml", "--sim", "--id", "first"]);
    let (url, _) = stage.simulator();
    let toml = format!(
        "[providers.replicate]\nkey = \"env:REPLICATE_API_TOKEN\"\nbase_url = \"{url}/replicate\"\nprivate = true\n"
    );
    stage.0.write("motet.toml", toml);
    let mut record = stage.0.command(&["run", "film.yaml", "--record", "tape", "--store", "recorded"]);
    let output = record.env("REPLICATE_API_TOKEN", "planted-key").env("MOTET_TRUST", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    stage.0.write("motet.toml", "");
    let said = stage.ends(0, &["run", "film.yaml", "--replay", "tape", "--store", "replayed"]);
    assert!(said.contains("replay"), "{said}");
    for file in std::fs::read_dir(stage.0.path().join("tape")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("planted-key"));
    }
}

#[test]
fn two_processes_that_race_for_the_last_cent_of_a_budget_pay_once() {
    let race = |name: &str, budgets: &str| {
        let stage = Stage::with("film.yaml", STILL);
        let simulator = Simulator::begin(&stage.0, "[]");
        stage.0.write("motet.toml", format!("[budgets]\n{budgets}\n"));
        let sim = format!("--sim={}", simulator.url());
        let begin = |prompt: &str| {
            let prompt = format!("prompt={prompt}");
            let words = ["run", "film.yaml", &sim, "--user", "ada", "--input", &prompt];
            stage.0.command(&words).stderr(Stdio::piped()).spawn().unwrap()
        };
        let both = ["a boat", "a barge"].map(begin).map(|child| child.wait_with_output().unwrap());
        let mut codes = both.each_ref().map(|output| output.status.code());
        codes.sort();
        let said = both.each_ref().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(codes, [Some(0), Some(5)], "{name}: {said:?}");
        assert!(said.iter().any(|said| said.contains(&format!("of {name}"))), "{said:?}");
        assert_eq!(simulator.ledger().len(), 1, "{name}: {:#?}", simulator.ledger());
    };
    race("day", "day = 0.005");
    race("user ada", "user = 0.005");
    race("replicate", "providers = { replicate = 0.005 }");
}

#[test]
fn a_plan_counts_that_a_key_that_is_refused_is_followed_by_the_next_and_so_it_is() {
    let once = STILL.replace("uses: replicate", "retry: { attempts: 1 }, uses: replicate");
    let stage = Stage::with("film.yaml", &once);
    let simulator = Simulator::begin(&stage.0, "keys: { replicate: [right] }");
    let toml = format!(
        "[providers.replicate]\nkeys = [{{ name = \"old\", key = \"env:OLD\" }}, {{ name = \"spare\", key = \"env:SPARE\" }}, \
         {{ name = \"none\", key = \"env:NONE\" }}]\nbase_url = \"{}/replicate\"\nprivate = true\n",
        simulator.url()
    );
    stage.0.write("motet.toml", toml);
    let motet = |words: &[&str]| {
        let mut command = stage.0.command(words);
        command.env("OLD", "wrong").env("SPARE", "right").env_remove("NONE").env("MOTET_TRUST", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // The third key isn't there: nothing can be sent with it.
    let given = ["--input", "prompt=a boat"];
    let told = motet(&[&["plan", "film.yaml"], &given[..]].concat());
    assert!(
        told.contains("up to 2") && told.contains("1 attempt of these only if a key is refused"),
        "{told}"
    );
    let plan: Json =
        serde_json::from_str(&motet(&[&["plan", "film.yaml", "--json"], &given[..]].concat())).unwrap();
    let step = &plan["steps"][0];
    assert_eq!((&step["attempts_max"], &step["further_keys"]), (&2.into(), &1.into()), "{plan}");
    // No money: what is refused isn't billed.
    assert_eq!(plan["estimate"]["high"], "0.003", "{plan}");
    motet(&[&["run", "film.yaml"], &given[..]].concat());
    let statuses: Vec<_> = simulator.ledger().iter().map(|line| line["status"].clone()).collect();
    assert_eq!(statuses, [401, 201]);
}
