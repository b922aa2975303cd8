//! Answers that came with the news that a job is done. Whoever fetches a result takes it from here, and asks the provider only
//! where it isn't: after a restart, or because there were too many.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use motet_providers::answer::{Answer, Given, Source};

/// The most that are kept. They are fetched within moments.
const KEPT_MAX: usize = 256;

/// What is known of jobs that are done, by the mark of the attempt and the job.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<BTreeMap<(String, String), Answer>>);

impl Answers {
    /// Keeps the answer of a job, unless it holds media itself: that may be much.
    pub(super) fn keep(&self, mark: &str, job: &str, answer: Answer) {
        if !answer.outputs.values().all(is_small) {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert((mark.to_owned(), job.to_owned()), answer);
        if kept.len() > KEPT_MAX {
            // That of the oldest run, which most likely nobody fetches any more.
            kept.pop_first();
        }
    }

    /// Gives the answer of a job away.
    pub(super) fn take(&self, mark: &str, job: &str) -> Option<Answer> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&(mark.to_owned(), job.to_owned()))
    }
}

fn is_small(given: &Given) -> bool {
    let is_elsewhere = |source: &Source| matches!(source, Source::Url(_));
    match given {
        Given::Value(_) => true,
        Given::Media(media) => is_elsewhere(&media.source),
        Given::MediaList(list) => list.iter().all(|media| is_elsewhere(&media.source)),
    }
}

#[cfg(test)]
mod tests {
    use motet_pipeline::{MediaKind, Value};
    use motet_providers::answer::Media;

    use super::*;

    fn answer(given: Given) -> Answer {
        Answer { outputs: BTreeMap::from([("out".to_owned(), given)]), ..Answer::default() }
    }

    #[test]
    fn an_answer_is_given_away_once_and_to_its_job_alone() {
        let (answers, told) = (Answers::default(), answer(Given::Value(Value::from(7_u64))));
        answers.keep("run/a/1", "j1", told.clone());
        assert_eq!(answers.take("run/a/1", "j2"), None);
        assert_eq!(answers.take("run/b/1", "j1"), None);
        assert_eq!(answers.take("run/a/1", "j1"), Some(told));
        assert_eq!(answers.take("run/a/1", "j1"), None);
    }

    #[test]
    fn what_nobody_fetches_makes_room_and_what_holds_media_is_not_kept() {
        let answers = Answers::default();
        let told = answer(Given::Value(Value::from(7_u64)));
        (0..=KEPT_MAX).for_each(|n| answers.keep(&format!("run-{n:04}/a/1"), "j", told.clone()));
        assert_eq!(answers.take("run-0000/a/1", "j"), None);
        assert_eq!(answers.take(&format!("run-{KEPT_MAX:04}/a/1"), "j"), Some(told));
        let sound = Media { kind: MediaKind::Audio, mime: None, source: Source::Bytes(vec![0; 10]) };
        answers.keep("run/a/1", "j1", answer(Given::Media(sound)));
        assert_eq!(answers.take("run/a/1", "j1"), None);
    }
}
