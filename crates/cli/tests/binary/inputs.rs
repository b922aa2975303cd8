//! Inputs as they are typed, and outputs where they are found.

use std::fs;

use crate::assert_transcript;
use crate::project::Project;

const ONE: &str = r#"motet: 1
name: one
inputs:
  text: { type: string, default: "" }
  count: { type: integer, default: 0 }
  token: { type: string, sensitive: true, default: "" }
steps:
  told: { uses: data/transform, with: { value: "{{ inputs.count }}: {{ inputs.text }}" } }
outputs: { told: "{{ steps.told.value }}" }
"#;

#[test]
fn inputs_that_begin_with_a_byte_order_mark_are_read() {
    let project = Project::with("one.yaml", ONE);
    project.write("in.json", "\u{feff}{\"text\": \"hello\", \"count\": 3.0}");
    let told = project.good(&["run", "one.yaml", "--inputs", "in.json"]);
    assert!(told.contains("3: hello"), "{told}");
}

#[test]
fn a_text_that_begins_with_an_at_and_a_number_that_is_too_large_are_told_what_to_do() {
    let project = Project::with("one.yaml", ONE);
    let mut told = String::new();
    for typed in
        ["text=@alice", "text=@it's me", "token=@secret", "count=18446744073709551616", "count=@alice"]
    {
        told += &project.transcript(&["run", "one.yaml", "--input", typed]);
    }
    assert!(!told.contains("secret;") && !told.contains("no secret"), "{told}");
    assert_transcript!(project, told);
    assert!(project.good(&["run", "one.yaml", "--input", "text=@@alice"]).contains("0: @alice"));
    project.write("alice", "a file");
    assert!(project.good(&["run", "one.yaml", "--input", "text=@alice"]).contains("0: a file"));
}

const PHOTOS: &str = r#"motet: 1
name: photos
inputs: { photos: { type: array, items: { type: image } } }
steps:
  sizes: { uses: data/transform, with: { value: "{{ inputs.photos | map(attribute='width') | list }}" } }
outputs: { sizes: "{{ steps.sizes.value }}", photos: "{{ inputs.photos }}" }
"#;

/// A project with pictures that are 16, 32 and 48 pixels wide.
fn with_pictures() -> Project {
    let project = Project::with("photos.yaml", PHOTOS);
    for (name, width) in [("a", 16), ("b", 32), ("c", 48)] {
        let size = format!("color=red:s={width}x16:d=1");
        fs::create_dir_all(project.path().join("dir")).unwrap();
        let mut ffmpeg = project.command_of("ffmpeg");
        ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", &size, "-frames:v", "1"]);
        assert!(ffmpeg.arg(format!("dir/{name}.png")).status().unwrap().success());
    }
    project.write("dir/notes.txt", "no picture");
    project
}

#[test]
fn a_list_of_media_is_given_file_by_file_by_a_pattern_and_as_json() {
    let project = with_pictures();
    project.write("dir/in.json", r#"{"photos": ["a.png", "c.png"]}"#);
    project.write("dir/list.json", r#"["c.png", "b.png"]"#);
    let sizes = |arguments: &[&str]| {
        let told = project.good(&[&["run", "photos.yaml", "--new", "--json"], arguments].concat());
        let last: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        let paths = last["outputs"]["photos"].as_array().unwrap().clone();
        assert!(paths.iter().all(|photo| photo["path"].is_string()), "{last}");
        last["outputs"]["sizes"].to_string()
    };
    assert_eq!(sizes(&["--inputs", "dir/in.json"]), "[16,48]");
    assert_eq!(sizes(&["-i", "photos=@dir/b.png", "-i", "photos=@dir/a.png"]), "[32,16]");
    assert_eq!(sizes(&["-i", "photos=@dir/b.png"]), "[32]");
    assert_eq!(sizes(&["-i", "photos=@dir/*.png"]), "[16,32,48]");
    assert_eq!(sizes(&["-i", "photos=@dir/?.png", "-i", "photos=@dir/a.png"]), "[16,32,48,16]");
    assert_eq!(sizes(&["-i", "photos=@dir/list.json"]), "[48,32]");
    assert_eq!(sizes(&["-i", r#"photos=["dir/c.png", "dir/a.png"]"#]), "[48,16]");
    assert_eq!(sizes(&["-i", "photos=[]"]), "[]");
    let mut told = String::new();
    for typed in ["photos=@dir/*.jpg", "photos=@nowhere/*.png", "photos=dir/a.png", "photos=@dir/notes.txt"] {
        told += &project.transcript(&["run", "photos.yaml", "-i", typed]);
    }
    assert_transcript!(project, told);
}

#[test]
fn files_of_outputs_are_named_by_what_they_are_called_in_the_output() {
    let project = Project::with(
        "names.yaml",
        r#"motet: 1
name: names
steps:
  f: { each: [en, de], key: "{{ item }}", uses: local/scene, with: { prompt: "{{ item }}", width: 64, height: 64 } }
outputs:
  films: "{{ steps.f.by_key }}"
  both: { intro: "{{ steps.f.by_key.en.image }}", outro: "{{ steps.f.by_key.de.image }}" }
  list: "{{ steps.f.items }}"
  deep: [{ a: "{{ steps.f.by_key.en.image }}", b/c: "{{ steps.f.by_key.de.image }}" }]
"#,
    );
    project.good(&["run", "names.yaml", "--id", "first"]);
    let names = fs::read_dir(project.path().join("out/first")).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    insta::assert_snapshot!(names.join("\n"));
    insta::assert_snapshot!(fs::read_to_string(project.path().join("out/first/outputs.json")).unwrap());
}

#[test]
fn an_item_whose_key_is_typed_as_it_is_is_proposed_as_it_stands_in_paths() {
    let project = Project::with(
        "keys.yaml",
        r#"motet: 1
name: keys
steps:
  fan:
    each: [a/b, "100%"]
    key: "{{ item }}"
    steps: { inner: { uses: data/transform, with: { value: "{{ item }}" } } }
    outputs: { x: "{{ steps.inner.value }}" }
"#,
    );
    project.good(&["run", "keys.yaml", "--id", "first"]);
    let mut told = String::new();
    for path in ["fan[a/b]", "fan[100%]/inner", "fan[nope/x]", "fan[a%2Fb]"] {
        told += &project.transcript(&["show", "first", "--step", path]);
    }
    assert_transcript!(project, told);
}

#[test]
fn the_advice_for_a_fan_out_over_an_object_and_for_a_list_beside_others_works() {
    let object = |each: &str, value: &str| {
        format!(
            "motet: 1\nname: object\nsteps:\n  facts: {{ uses: data/transform, with: {{ value: {{ a: 1, b: 2 }} }} }}\n  \
             fan: {{ each: \"{{{{ {each} }}}}\", uses: data/transform, with: {{ value: \"{{{{ {value} }}}}\" }} }}\n\
             outputs: {{ all: \"{{{{ steps.fan.items | map(attribute='value') | list }}}}\" }}\n"
        )
    };
    let project = Project::with("object.yaml", object("steps.facts.value", "item"));
    let mut told = project.transcript(&["check", "object.yaml"]);
    project.write("object.yaml", object("steps.facts.value | dictsort", "item[0] ~ item[1]"));
    assert!(project.good(&["run", "object.yaml"]).contains(r#"["a1","b2"]"#));

    let film = |items: &str| {
        format!(
            "motet: 1\nname: film\nsteps:\n  card: {{ uses: local/scene, with: {{ prompt: sea, width: 64, height: 64 }} }}\n  \
             say: {{ uses: local/speak, with: {{ text: good evening }} }}\n  \
             film: {{ uses: media/animate, with: {{ image: \"{{{{ steps.card.image }}}}\", duration: 2 }} }}\n  \
             said: {{ uses: media/captions, with: {{ video: \"{{{{ steps.film.video }}}}\", words: {items} }} }}\n"
        )
    };
    let beside = r#"[ "{{ steps.say.words[0] }}", "{{ steps.say.words }}" ]"#;
    project.write("film.yaml", film(beside));
    let refused = project.transcript(&["check", "film.yaml"]);
    let advice = refused.split('`').find(|part| part.starts_with("{{ [")).expect("an expression");
    project.write("film.yaml", film(&format!("\"{advice}\"")));
    project.good(&["check", "film.yaml"]);
    told += &refused;
    assert_transcript!(project, told);
}
