//! Pauses: how long is waited between questions.

use motet_pipeline::Span;
use motet_pipeline::plan::Timeouts;

use crate::work::Work;

/// How long to wait before a question is asked again that got no usable answer, at first and at most.
pub(super) const PAUSE: (Span, Span) = (Span(500), Span::seconds(30));

/// The pauses before a question is asked again that got no usable answer.
pub(super) struct Pauses(Span);

impl Default for Pauses {
    fn default() -> Pauses {
        Pauses(PAUSE.0)
    }
}

impl Pauses {
    /// The next one; each is twice as long as the one before.
    pub(super) fn next(&mut self) -> Span {
        let next = self.0;
        self.0 = Span(next.0 * 2).min(PAUSE.1);
        next
    }
}

/// How long to wait between questions: more, the longer a job takes.
pub(super) struct Pace {
    pause: f64,
    most: f64,
    told: Option<Span>,
}

impl Pace {
    /// For a job by what it usually takes, and by whether it is at work already. However little time it has: it is asked
    /// for some times within that.
    pub(super) fn of(work: &Work) -> Pace {
        let (low, _) = work.contract().usual_seconds;
        let (first, most) = match work.is_running() {
            true => ((low / 4.0).clamp(0.5, 10.0), 10_000.0),
            false => ((low / 8.0).clamp(0.5, 2.0), 5_000.0),
        };
        let most = quarter_of_phase(work).min(most);
        Pace { pause: (first * 1000.0).min(most), most, told: None }
    }

    /// The same where the provider reports: a report that is lost must be noticed, long before the phase of the
    /// job counts as timed out.
    pub(super) fn beside_reports(self, work: &Work) -> Pace {
        let (_, high) = work.contract().usual_seconds;
        let most = quarter_of_phase(work).clamp(3_000.0, 300_000.0);
        Pace { pause: (high * 2_000.0).clamp(3_000.0, most), most, ..self }
    }

    pub(super) fn next(&mut self) -> Span {
        let pause = Span(self.pause as u64);
        self.pause = (self.pause * 1.3).min(self.most.max(self.pause));
        self.told.take().unwrap_or(pause)
    }

    /// A question got no usable answer.
    pub(super) fn slow_down(&mut self, told: Option<Span>) {
        self.pause = (self.pause * 2.0).min(30_000.0);
        self.told = told;
    }
}

/// A quarter of the time that a job has in its phase, in milliseconds: less is left of it where the job is billed by
/// time and stopped at what is reserved for it, and after a time in which nobody asked.
fn quarter_of_phase(work: &Work) -> f64 {
    let Timeouts { queue, job, .. } = work.timeouts();
    let phase = if work.is_running() { job } else { queue };
    let left = work.deadline().since(work.hands.world.now());
    (phase.min(left).0 as f64 / 4.0).max(1.0)
}
