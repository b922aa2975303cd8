use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::settings::{FILE_NAME, Settings};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A project that asks for a program, and somewhere outside to keep words.
struct Place {
    root: tempfile::TempDir,
    trust: Trust,
}

impl Place {
    fn new() -> Place {
        let root = tempfile::tempdir().unwrap();
        let place = Place { trust: Trust::kept_in(root.path().join("state/trusted")), root };
        place.write("[tools]\nffmpeg = 'bin/ffmpeg'\n");
        place
    }

    fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    fn write(&self, text: &str) {
        fs::create_dir_all(self.project()).unwrap();
        fs::write(self.project().join(FILE_NAME), text).unwrap();
    }

    fn asks(&self) -> Proposal {
        Settings::find(None, &self.project()).unwrap()
    }

    fn verdict(&self) -> Verdict {
        self.trust.judge(&self.asks())
    }

    fn word(&self) -> PathBuf {
        let words = self.root.path().join("state/trusted");
        fs::read_dir(words).unwrap().next().expect("there is a word").unwrap().path()
    }
}

#[test]
fn a_word_holds_for_one_content_and_until_it_is_taken_back() {
    let place = Place::new();
    assert_eq!(place.verdict(), Verdict::Unknown);
    place.trust.grant(&place.asks(), NOW).unwrap();
    assert_eq!(place.verdict(), Verdict::Trusted);
    assert_eq!(place.asks().trusted_by(&place.trust).unwrap(), place.asks().vouched());

    place.write("[tools]\nffmpeg = 'bin/ffmpeg' # the same, and yet another file\n");
    assert_eq!(place.verdict(), Verdict::Changed);
    let refused = place.asks().trusted_by(&place.trust).unwrap_err();
    assert!(
        matches!(&refused, Error::Untrusted { changed: true, powers, .. } if powers.len() == 1),
        "{refused}"
    );

    place.write("processors = 1\n");
    assert_eq!(place.verdict(), Verdict::Trusted, "what has no power needs no word");
    place.write("[tools]\nffmpeg = 'bin/ffmpeg'\n");
    assert_eq!(place.verdict(), Verdict::Trusted);
    assert!(place.trust.revoke(&place.project()).unwrap());
    assert!(!place.trust.revoke(&place.project()).unwrap());
    assert_eq!(place.verdict(), Verdict::Unknown);
}

#[test]
fn a_word_is_about_one_folder_by_whatever_path_it_is_reached() {
    let place = Place::new();
    place.trust.grant(&place.asks(), NOW).unwrap();
    let (link, copy) = (place.root.path().join("link"), place.root.path().join("copy"));
    symlink(place.project(), &link).unwrap();
    fs::create_dir(&copy).unwrap();
    fs::copy(place.project().join(FILE_NAME), copy.join(FILE_NAME)).unwrap();
    assert_eq!(place.trust.judge(&Settings::find(None, &link).unwrap()), Verdict::Trusted);
    assert_eq!(place.trust.judge(&Settings::find(None, &copy).unwrap()), Verdict::Unknown);
    assert!(place.trust.revoke(&link).unwrap());
    assert_eq!(place.verdict(), Verdict::Unknown);
}

#[test]
fn a_link_that_leads_elsewhere_than_it_did_must_be_trusted_again() {
    let place = Place::new();
    place.write("out = 'films'\n");
    let (films, root) = (place.project().join("films"), place.root.path());
    symlink(root.join("one"), &films).unwrap();
    place.trust.grant(&place.asks(), NOW).unwrap();
    assert_eq!(place.verdict(), Verdict::Trusted);
    fs::remove_file(&films).unwrap();
    symlink(root.join("two"), &films).unwrap();
    assert_eq!(place.verdict(), Verdict::Changed);
}

#[test]
fn a_program_of_the_project_is_trusted_as_it_is_and_another_one_in_its_place_is_not() {
    let place = Place::new();
    let at = |name: &str| place.project().join(name);
    fs::create_dir(at("bin")).unwrap();
    let given = |what: &str| {
        assert_eq!(place.verdict(), Verdict::Changed, "{what}");
        place.trust.grant(&place.asks(), NOW).unwrap();
        assert_eq!(place.verdict(), Verdict::Trusted, "{what}");
    };
    place.trust.grant(&place.asks(), NOW).unwrap();
    fs::write(at("bin/ffmpeg"), "one").unwrap();
    given("where none was, one is there now");
    fs::write(at("bin/ffmpeg"), "two").unwrap();
    given("another text of the same length");
    fs::write(at("bin/other"), "two").unwrap();
    fs::remove_file(at("bin/ffmpeg")).unwrap();
    symlink("other", at("bin/ffmpeg")).unwrap();
    given("a link leads to another file, though of the same content");
    fs::write(at("bin/other"), "three").unwrap();
    given("the file at its end is another");
    let elsewhere = place.root.path().join("elsewhere");
    fs::write(&elsewhere, "four").unwrap();
    fs::remove_file(at("bin/other")).unwrap();
    symlink(&elsewhere, at("bin/other")).unwrap();
    given("its end is outside of the project");
    fs::write(&elsewhere, "five").unwrap();
    given("what a link of the project leads to is another");
    fs::remove_file(at("bin/other")).unwrap();
    fs::create_dir(at("bin/other")).unwrap();
    given("it is no file any more");
}

#[test]
fn every_program_is_watched_and_so_is_one_that_is_named_by_a_way_outside_of_the_project() {
    for tool in ["ffmpeg", "ffprobe", "espeak_ng"] {
        let place = Place::new();
        symlink(place.project(), place.root.path().join("way")).unwrap();
        for path in ["./program", "../way/program"] {
            fs::write(place.project().join("program"), "one").unwrap();
            place.write(&format!("[tools]\n{tool} = '{path}'\n"));
            place.trust.grant(&place.asks(), NOW).unwrap();
            fs::write(place.project().join("program"), "two").unwrap();
            assert_eq!(place.verdict(), Verdict::Changed, "{tool} = {path}");
        }
    }
}

#[test]
fn a_program_that_is_not_the_projects_may_be_another_one_tomorrow() {
    let place = Place::new();
    let program = place.root.path().join("ffmpeg");
    fs::write(&program, "one").unwrap();
    place.write(&format!("[tools]\nffmpeg = '{}'\n", program.display()));
    place.trust.grant(&place.asks(), NOW).unwrap();
    fs::write(&program, "two").unwrap();
    assert_eq!(place.verdict(), Verdict::Trusted);
}

#[test]
fn a_program_without_an_end_is_refused_and_not_waited_for() {
    let place = Place::new();
    fs::create_dir(place.project().join("bin")).unwrap();
    let program = place.project().join("bin/ffmpeg");
    rustix::fs::mkfifoat(rustix::fs::CWD, &program, rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(place.verdict(), Verdict::Unknown);
    fs::remove_file(&program).unwrap();
    fs::File::create(&program).unwrap().set_len(1 << 40).unwrap();
    let refused = Settings::find(None, &place.project()).unwrap_err().to_string();
    assert!(refused.contains("bin/ffmpeg") && refused.contains("more than 1073741824 bytes"), "{refused}");
}

#[test]
fn a_key_is_trusted_by_where_it_ends_and_may_be_another_one_tomorrow() {
    let settings = [
        "[providers.fal]\nkey = 'file:keys/fal'\n",
        "[secrets.weather]\nkey = 'file:keys/fal'\nhosts = ['weather.example']\n",
        "[webhook]\nsecrets = { elevenlabs = 'file:keys/fal' }\n",
    ];
    for text in settings {
        let place = Place::new();
        let key = place.project().join("keys/fal");
        place.write(text);
        fs::create_dir(place.project().join("keys")).unwrap();
        fs::write(&key, "one").unwrap();
        place.trust.grant(&place.asks(), NOW).unwrap();
        fs::write(&key, "two").unwrap();
        assert_eq!(place.verdict(), Verdict::Trusted, "{text}");
        fs::remove_file(&key).unwrap();
        symlink("/etc/hostname", &key).unwrap();
        assert_eq!(place.verdict(), Verdict::Changed, "{text}");
        let powers = place.asks().powers().iter().map(ToString::to_string).collect::<String>();
        assert!(powers.contains("the file /etc/hostname"), "{powers}");
    }
}

#[test]
fn a_word_that_others_could_have_written_is_not_believed() {
    let place = Place::new();
    place.trust.grant(&place.asks(), NOW).unwrap();
    let (word, folder) = (place.word(), place.root.path().join("state/trusted"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&word), mode(&folder)), (0o600, 0o700));

    let with = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    with(&word, 0o644);
    assert_eq!(place.verdict(), Verdict::Unknown);
    with(&word, 0o600);
    with(&folder, 0o770);
    assert_eq!(place.verdict(), Verdict::Unknown);
    let refused = place.trust.grant(&place.asks(), NOW).unwrap_err().to_string();
    assert!(refused.ends_with("its folder can be written by others; run chmod 700 on it"), "{refused}");
    with(&folder, 0o700);
    assert_eq!(place.verdict(), Verdict::Trusted);

    let elsewhere = place.root.path().join("elsewhere");
    fs::rename(&word, &elsewhere).unwrap();
    symlink(&elsewhere, &word).unwrap();
    assert_eq!(place.verdict(), Verdict::Unknown, "a link isn't a word");
    fs::remove_file(&word).unwrap();
    fs::write(&word, "{").unwrap();
    with(&word, 0o600);
    assert_eq!(place.verdict(), Verdict::Unknown);
}

#[test]
fn a_word_inside_of_the_project_counts_for_nothing() {
    let place = Place::new();
    place.trust.grant(&place.asks(), NOW).unwrap();
    let state = place.root.path().join("state");
    fs::rename(&state, place.project().join("state")).unwrap();
    symlink(place.project().join("state"), &state).unwrap();
    for memory in [place.project().join("state/trusted"), state.join("trusted")] {
        let trust = Trust::kept_in(memory);
        assert_eq!(trust.judge(&place.asks()), Verdict::Unknown);
        let refused = trust.grant(&place.asks(), NOW).unwrap_err().to_string();
        assert!(refused.contains("is inside the project itself"), "{refused}");
    }
}

#[test]
fn the_environment_says_where_words_are_kept_and_a_relative_path_says_nothing() {
    let of = |variables: &[(&str, &str)]| {
        Trust::of(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        })
    };
    let memory = |variables: &[(&str, &str)]| of(variables).memory;
    let (state, home) = (("XDG_STATE_HOME", "/state"), ("HOME", "/home/a"));
    assert_eq!(memory(&[state, home]), Some("/state/motet/trusted".into()));
    assert_eq!(memory(&[home]), Some("/home/a/.local/state/motet/trusted".into()));
    assert_eq!(
        memory(&[("XDG_STATE_HOME", "state"), home]),
        Some("/home/a/.local/state/motet/trusted".into())
    );
    assert_eq!(memory(&[("XDG_STATE_HOME", ""), ("HOME", ".")]), None);
    assert!(of(&[("MOTET_TRUST", "1")]).everybody);
    for other in ["", "0", "true", "11"] {
        assert!(!of(&[("MOTET_TRUST", other)]).everybody);
    }
}

#[test]
fn many_words_at_once_are_all_kept_whole() {
    let root = tempfile::tempdir().unwrap();
    let trust = Trust::kept_in(root.path().join("state/trusted"));
    let projects: Vec<PathBuf> = (0..8).map(|number| root.path().join(format!("project-{number}"))).collect();
    for project in &projects {
        fs::create_dir(project).unwrap();
        fs::write(project.join(FILE_NAME), "[tools]\nffmpeg = '/bin/true'\n").unwrap();
    }
    std::thread::scope(|scope| {
        for project in projects.iter().cycle().take(64) {
            let trust = &trust;
            scope.spawn(move || trust.grant(&Settings::find(None, project).unwrap(), NOW).unwrap());
        }
    });
    let words = trust.words().unwrap();
    let folders: Vec<_> = words.iter().map(|word| word.folder.file_name().unwrap().to_owned()).collect();
    assert_eq!(folders, projects.iter().map(|path| path.file_name().unwrap().to_owned()).collect::<Vec<_>>());
    assert_eq!(fs::read_dir(root.path().join("state/trusted")).unwrap().count(), 8, "nothing else is left");
}
