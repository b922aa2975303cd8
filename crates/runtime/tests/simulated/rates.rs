//! How often runs complete: with faults in a fifth of all requests and without, on the budget that their plan names.

use serde_json::{Value as Json, json};

use crate::laws::judge;
use crate::play::{Played, play};
use crate::seen::{is_of_a_job, known_faults};
use crate::story::{Budget, Story};

/// What three providers make of a text, soon: jobs of minutes are asked about so often that a thousand take long.
const POSTER: &str = r#"
motet: 1
name: poster
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a boat, output_format: png } }
  cover: { uses: fal/fal-ai/flux/schnell, with: { prompt: a harbour }, needs: [still] }
  voice: { uses: elevenlabs/eleven_turbo_v2_5, with: { text: Here it sails. } }
outputs: { image: "{{ steps.still.image }}", cover: "{{ steps.cover.image }}", voice: "{{ steps.voice.audio }}" }
"#;

/// A fifth of what is asked fails, in one way or another.
fn a_fifth_fails() -> String {
    let faults: Vec<&str> = known_faults().into_iter().filter(|name| !name.starts_with("webhook")).collect();
    let rate = 0.2 / faults.len() as f64;
    let rules = faults.iter().flat_map(|fault| {
        let made = json!({ "fault": fault, "rate": rate });
        let asked = json!({ "fault": fault, "rate": 0.2 / 8.0, "on": ["read", "list", "cancel", "upload", "output"] });
        std::iter::once(made).chain((!is_of_a_job(fault)).then_some(asked))
    });
    json!({ "faults": rules.collect::<Vec<Json>>() }).to_string()
}

/// Plays it with seeds from `first` on; what came of each.
fn posters(first: u64, count: u64, scenario: &str, budget: Budget) -> Vec<Played> {
    let play_one = |seed| {
        let story = Story { seed, scenario: scenario.to_owned(), budget: Some(budget), ..Story::of(POSTER) };
        let played = play(&story);
        assert_eq!(judge(&story, &played), [] as [String; 0], "seed {seed}");
        played
    };
    (first..first + count).map(play_one).collect()
}

fn completed(played: &[Played]) -> usize {
    played.iter().filter(|played| played.end.is_completed()).count()
}

#[test]
fn on_the_highest_amount_of_its_plan_every_run_completes_if_nothing_fails() {
    assert_eq!(completed(&posters(0, 100, "", Budget::High)), 100);
}

#[test]
fn on_a_fifth_more_than_is_likely_nearly_every_run_completes_if_nothing_fails() {
    let completed = completed(&posters(100, 100, "", Budget::Likely(120)));
    assert!(completed >= 95, "{completed} of 100");
}

#[test]
fn with_faults_in_a_fifth_of_all_requests_runs_end_in_a_said_way_in_the_first_five_hundred() {
    let played = posters(0, 500, &a_fifth_fails(), Budget::High);
    assert!(completed(&played) > 200, "{} of 500 completed", completed(&played));
}

#[test]
fn with_faults_in_a_fifth_of_all_requests_runs_end_in_a_said_way_in_the_next_five_hundred() {
    let played = posters(500, 500, &a_fifth_fails(), Budget::High);
    assert!(completed(&played) > 200, "{} of 500 completed", completed(&played));
}
