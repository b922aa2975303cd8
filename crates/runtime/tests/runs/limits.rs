//! Limits of providers, with a small provider of the test's own under virtual time: who waits, and how often jobs are
//! asked for.

use std::sync::{Arc, Mutex};

use motet::language::Value;
use motet::store::RunStatus;
use motet::world::virtual_time::{VirtualWorld, run};
use motet::world::wire::{Method, Reply};
use motet::{Motet, RunEnd};
use serde_json::{Value as Json, json};

use crate::stage::EPOCH;

/// How long a job takes, in seconds.
const JOB_S: u64 = 120;

/// Replicate, as far as these stories need it.
#[derive(Clone, Default)]
struct Lab(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What was asked, and how many seconds after the beginning.
    asked: Vec<(u64, &'static str)>,
    /// When each job was made.
    jobs: Vec<u64>,
    /// How many requests are still refused.
    refusals: u32,
    /// What a reply to a call says is left.
    left: Option<u32>,
}

impl Lab {
    fn that_refuses(refusals: u32) -> Lab {
        Lab(Arc::new(Mutex::new(State { refusals, ..State::default() })))
    }

    fn answer(&self, method: Method, path: &str, now: u64) -> Reply {
        let mut state = self.0.lock().unwrap();
        let json_of =
            |status: u16, headers: &[(&str, &str)], body: &Json| Reply::of(status, headers, body.to_string());
        if method == Method::Post {
            state.asked.push((now, "make"));
            if state.refusals > 0 {
                state.refusals -= 1;
                let body = json!({ "detail": "Request was throttled.", "status": 429, "retry_after": 3600 });
                return json_of(429, &[("retry-after", "3600")], &body);
            }
            state.jobs.push(now);
            let made = prediction(state.jobs.len() - 1, now, now);
            return match state.left.map(|left| left.saturating_sub(state.jobs.len() as u32).to_string()) {
                Some(left) => {
                    json_of(201, &[("ratelimit-remaining", &left), ("ratelimit-reset", "600")], &made)
                }
                None => json_of(201, &[], &made),
            };
        }
        match path.strip_prefix("/v1/predictions/").and_then(|id| id.strip_prefix("job")?.parse().ok()) {
            Some(number) => {
                state.asked.push((now, "look"));
                let made_at: u64 = state.jobs[number];
                json_of(200, &[], &prediction(number, made_at, now))
            }
            None => {
                state.asked.push((now, "list"));
                let jobs = state.jobs.iter().enumerate().rev();
                let results: Vec<Json> =
                    jobs.map(|(number, made_at)| prediction(number, *made_at, now)).collect();
                json_of(200, &[], &json!({ "next": null, "previous": null, "results": results }))
            }
        }
    }

    fn count(&self, what: &str) -> usize {
        self.0.lock().unwrap().asked.iter().filter(|(_, asked)| *asked == what).count()
    }

    /// When jobs were asked to be made.
    fn made_at(&self) -> Vec<u64> {
        let state = self.0.lock().unwrap();
        state.asked.iter().filter(|(_, asked)| *asked == "make").map(|(at, _)| *at).collect()
    }

    async fn open(&self) -> Motet {
        let lab = self.clone();
        let began = tokio::time::Instant::now();
        let world = VirtualWorld::new(EPOCH, 1).with_network(move |request| {
            let reply = lab.answer(request.method, request.url.path(), began.elapsed().as_secs());
            async move { Ok(reply) }
        });
        let keys = |name: &str| (name == "REPLICATE_API_TOKEN").then(|| "key".to_owned());
        Motet::builder().environment(keys).world(Arc::new(world)).open().await.unwrap()
    }

    async fn play(&self, text: &str) -> RunEnd {
        let motet = self.open().await;
        let pipeline = motet.load_text(text).unwrap_or_else(|error| panic!("{error}"));
        let started = motet.start(&pipeline, [] as [(&str, Value); 0]).await.unwrap();
        let end = started.wait().await.unwrap();
        assert_eq!(motet.store().run(started.id()).unwrap().unwrap().status, RunStatus::Completed, "{end:?}");
        end
    }
}

fn prediction(number: usize, made_at: u64, now: u64) -> Json {
    let (status, output) = match now - made_at {
        0..5 => ("starting", Json::Null),
        5..JOB_S => ("processing", Json::Null),
        _ => ("succeeded", json!(["hello"])),
    };
    json!({
        "id": format!("job{number:022}"), "model": "meta/meta-llama-3-70b-instruct", "version": "hidden",
        "input": {}, "output": output, "error": null, "logs": "", "status": status, "data_removed": false,
        "created_at": "2027-01-15T08:00:00Z", "metrics": { "predict_time": 1.0 },
    })
}

fn step(name: &str, more: &str) -> String {
    format!(
        "  {name}: {{ uses: replicate/meta/meta-llama-3-70b-instruct, with: {{ prompt: hello }}{more} }}\n"
    )
}

#[test]
fn whoever_is_told_to_wait_keeps_all_others_with_that_key_waiting_too() {
    run(async {
        let lab = Lab::that_refuses(1);
        let wait = "  wait: { uses: flow/sleep, with: { duration: 60s } }\n";
        let steps = step("first", "") + wait + &step("second", ", needs: [wait]");
        lab.play(&format!("motet: 1\nname: two\nsteps:\n{steps}")).await;
        let made = lab.made_at();
        assert_eq!((made.len(), made[0]), (3, 0), "{made:?}");
        assert!(made[1..].iter().all(|at| *at >= 3600), "{made:?}");
    });
}

#[test]
fn no_more_is_sent_than_a_reply_says_is_left() {
    run(async {
        let lab = Lab::default();
        lab.0.lock().unwrap().left = Some(2);
        let wait = "  wait: { uses: flow/sleep, with: { duration: 60s } }\n";
        let later: String = (0..3).map(|number| step(&format!("later{number}"), ", needs: [wait]")).collect();
        lab.play(&format!("motet: 1\nname: four\nsteps:\n{}{wait}{later}", step("first", ""))).await;
        // One is left after the first, and then there are more after ten minutes.
        let made = lab.made_at();
        assert_eq!(made.iter().filter(|at| **at < 600).count(), 2, "{made:?}");
        assert_eq!(made.len(), 4, "{made:?}");
    });
}

#[test]
fn many_jobs_are_asked_for_together_and_few_one_by_one() {
    let play = |count: usize| {
        run(async move {
            let lab = Lab::default();
            let steps: String = (0..count).map(|number| step(&format!("s{number}"), "")).collect();
            lab.play(&format!("motet: 1\nname: many\nsteps:\n{steps}")).await;
            (lab.count("make"), lab.count("look"), lab.count("list"))
        })
    };
    let (made, looks, lists) = play(2);
    assert_eq!((made, lists), (2, 0));
    let by_single = looks * 20;
    let (made, looks, lists) = play(40);
    assert_eq!(made, 40);
    assert!(lists > 3, "{lists}");
    // Each is asked for by itself once it has ended: to see that, and for its result.
    assert!(
        looks + lists < by_single / 3,
        "{looks} looks and {lists} lists, and {by_single} by single looks"
    );
}
