//! What a provider says in a scenario, and a person of what nobody can tell.

use motet_engine::{Act, AttemptEnd, Decision, Found, Input, JobNews};
use motet_pipeline::{Class, Cost, Failure, StepPath};

use crate::scenario::{Scenario, key};

impl Scenario {
    /// The provider took the job of an attempt.
    pub fn accepts(&mut self, step: &str, number: u32, job: &str) -> &mut Scenario {
        self.answers(Input::Accepted { key: key(step, number), job: job.into() })
    }

    /// There is news of the job of a step's first attempt.
    pub fn hears(&mut self, step: &str, news: JobNews) -> &mut Scenario {
        self.answers(Input::Polled { key: key(step, 1), news })
    }

    /// What the provider says of the request of a step's first attempt.
    pub fn reconciles(&mut self, step: &str, found: Found) -> &mut Scenario {
        self.reconciles_attempt(step, 1, found)
    }

    /// What the provider says of the request of an attempt.
    pub fn reconciles_attempt(&mut self, step: &str, number: u32, found: Found) -> &mut Scenario {
        self.answers(Input::Reconciled { key: key(step, number), found })
    }

    /// Nobody can tell whether the request of an attempt arrived, and the provider can't either.
    pub fn is_unclear(&mut self, step: &str, number: u32) -> &mut Scenario {
        let failure = Failure::new(Class::Unknown, "the connection was lost");
        self.ends_as(key(step, number), AttemptEnd::Failed { failure, cost: Cost::NONE });
        self.answers(Input::Reconciled { key: key(step, number), found: Found::Unclear })
    }

    /// What was done for an attempt of a call has led to this.
    fn answers(&mut self, input: Input) -> &mut Scenario {
        if let Input::Accepted { key, .. } | Input::Polled { key, .. } | Input::Reconciled { key, .. } =
            &input
        {
            self.working.remove(key);
        }
        self.tell(input)
    }

    /// Somebody decides about a parked step.
    pub fn resolves(&mut self, step: &str, decision: Decision) -> &mut Scenario {
        self.tell(Input::Resolve { step: StepPath::from_text(step), decision, by: "ada".into() })
    }

    /// Asserts what is being done for attempts, such as `a#1 poll j1`.
    #[track_caller]
    pub fn does<const N: usize>(&mut self, acts: [&str; N]) -> &mut Scenario {
        let act = |act: &Act| match act {
            Act::Work => "work".to_owned(),
            Act::Submit => "submit".to_owned(),
            Act::Reconcile => "reconcile".to_owned(),
            Act::Poll { job, .. } => format!("poll {job}"),
            Act::Fetch { job } => format!("fetch {job}"),
            Act::Cancel { job } => format!("cancel {job}"),
            Act::Drain { job } => format!("drain {job}"),
        };
        let found: Vec<_> =
            self.working.values().map(|perform| format!("{} {}", perform.key, act(&perform.act))).collect();
        assert_eq!(found, acts);
        self
    }

    /// Asserts that this changes nothing.
    #[track_caller]
    pub fn ignores(&mut self, input: Input) -> &mut Scenario {
        let (turns, parts, acts) = (self.journal.len(), self.run.parts(), self.working.len());
        let reaction = self.run.handle(self.now, input.clone());
        assert!(reaction.turn.is_none() && reaction.commands.is_empty(), "{input:?}: {reaction:?}");
        assert!(self.run.parts() == parts, "{input:?} changed something");
        assert_eq!((self.journal.len(), self.working.len()), (turns, acts));
        self
    }
}
