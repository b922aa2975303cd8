//! Faults: why there is no reply, how far the request had come, and what that means for an attempt.

use std::path::Path;

use motet_pipeline::failure::{Known, Phase, Scope};
use motet_pipeline::{Class, Failure, Span};
use motet_providers::http::Limits;
use motet_store::StoreError;

use crate::operation::WorkError;
use crate::world::wire;

/// Why there is no reply, or not all of one.
#[derive(Clone, Debug)]
pub struct Fault {
    /// How far it came. After `connect` nothing of the request has left.
    pub phase: Phase,
    /// What happened.
    pub cause: Cause,
    /// The same for people, with the place; without secrets.
    pub message: String,
    /// That the disk is full.
    disk: Option<StoreError>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The request has no address that can be asked.
    Address,
    /// Its address, or all that its host's name stands for, is in a private network.
    OutOfReach,
    /// A credential that it names isn't there.
    NoKey,
    /// A credential that it names isn't for that host.
    NotForHost,
    /// A header can't be sent as it is.
    Header,
    /// What was recorded has no answer to it.
    NotRecorded,
    /// What it carries could not be read.
    Unread,
    /// The host's name has no address.
    Unresolved,
    /// Nobody listens there.
    Refused,
    /// There is no TLS connection.
    Tls,
    /// A timeout passed.
    TimedOut,
    /// The connection broke off.
    Broken,
    /// What came isn't HTTP, or not in the encoding that it says.
    Malformed,
    /// More came than is read.
    TooLarge,
    /// A download was redirected once too often, or to no address.
    Redirected,
    /// What came could not be kept.
    Disk,
}

impl Cause {
    /// All causes.
    pub const ALL: [Cause; 16] = [
        Cause::Address,
        Cause::OutOfReach,
        Cause::NoKey,
        Cause::NotForHost,
        Cause::Header,
        Cause::NotRecorded,
        Cause::Unread,
        Cause::Unresolved,
        Cause::Refused,
        Cause::Tls,
        Cause::TimedOut,
        Cause::Broken,
        Cause::Malformed,
        Cause::TooLarge,
        Cause::Redirected,
        Cause::Disk,
    ];

    fn words(self) -> &'static str {
        match self {
            // What is said of these is whole without.
            Cause::Address | Cause::NoKey | Cause::NotForHost | Cause::Header | Cause::TimedOut => "",
            Cause::OutOfReach => "this is no address of the internet",
            Cause::NotRecorded => "the replay has no answer",
            Cause::Unread => "what the request carries can't be read",
            Cause::Unresolved => "the name of the host leads nowhere",
            Cause::Refused => "the connection was refused",
            Cause::Tls => "there is no TLS connection",
            Cause::Broken => "the connection broke off",
            Cause::Malformed => "what came can't be read",
            Cause::TooLarge => "more came than is read",
            Cause::Redirected => "the redirects lead nowhere",
            Cause::Disk => "what came can't be kept",
        }
    }
}

impl From<wire::Cause> for Cause {
    fn from(cause: wire::Cause) -> Cause {
        match cause {
            wire::Cause::Unresolved => Cause::Unresolved,
            wire::Cause::OutOfReach => Cause::OutOfReach,
            wire::Cause::Refused => Cause::Refused,
            wire::Cause::Tls => Cause::Tls,
            wire::Cause::TimedOut => Cause::TimedOut,
            wire::Cause::Broken => Cause::Broken,
            wire::Cause::Malformed => Cause::Malformed,
            wire::Cause::Unread => Cause::Unread,
        }
    }
}

/// What a request can cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stake {
    /// Nothing: it may be sent again.
    Free,
    /// Money, as soon as the provider has it.
    Paid,
    /// Perhaps money; but it means the same however often it is sent.
    Repeatable,
    /// Nothing; but what it downloads was paid for, and its address is what the provider said.
    Output,
}

impl Fault {
    pub(super) fn new(phase: Phase, cause: Cause) -> Fault {
        Fault { phase, cause, message: String::new(), disk: None }
    }

    /// One from before anything was sent.
    pub(super) fn refused(cause: Cause, message: String) -> Fault {
        Fault::new(Phase::Connect, cause).because(message)
    }

    /// There is no room for what came.
    pub(super) fn full(file: &Path) -> Fault {
        let error = StoreError::Full { file: file.to_owned() };
        let message = error.to_string();
        Fault { disk: Some(error), ..Fault::new(Phase::Body, Cause::Disk).because(message) }
    }

    pub(super) fn because(mut self, message: String) -> Fault {
        self.message = message;
        self
    }

    /// The same, with the time that passed if it is a timeout.
    pub(super) fn within(self, limits: Limits) -> Fault {
        let (what, ms) = match self.phase {
            Phase::Connect => ("there was no connection", limits.connect_ms),
            Phase::Send => ("the request could not be sent", limits.request_ms),
            Phase::Wait => ("there was no reply", limits.request_ms),
            _ => ("the reply did not end", limits.request_ms),
        };
        match self.cause {
            Cause::TimedOut => self.because(format!("{what} within {}", Span(ms))),
            _ => self,
        }
    }

    /// The same, with what allows it if it is about a private network.
    pub(super) fn hinted(self, allowing: impl Fn() -> String) -> Fault {
        match self.cause {
            Cause::OutOfReach => {
                let message = format!("{}; {}", self.message, allowing());
                self.because(message)
            }
            _ => self,
        }
    }

    /// The same, with the place and what happened there in words.
    pub(super) fn at(self, place: &str) -> Fault {
        let step = match self.phase {
            Phase::Connect => "",
            Phase::Send => " while the request was sent",
            Phase::Wait => " before a reply came",
            _ => " while the reply came",
        };
        let message = match (self.cause.words(), self.message.as_str()) {
            ("", told) => format!("{place}: {told}"),
            (words, "") => format!("{place}: {words}{step}"),
            (words, told) => format!("{place}: {words}{step} ({told})"),
        };
        Fault { message, ..self }
    }

    /// What this means for an attempt: the class decides what follows. The one table of it.
    pub fn judge(&self, stake: Stake) -> (Class, Known) {
        let is_unsent = self.phase == Phase::Connect;
        let billed = match stake {
            Stake::Output => Known::Yes,
            Stake::Paid | Stake::Repeatable if !is_unsent => Known::Maybe,
            Stake::Paid | Stake::Repeatable | Stake::Free => Known::No,
        };
        let class = match (self.cause, stake) {
            // It has left, or it may have, and can cost.
            (_, Stake::Paid) if !is_unsent => Class::Unknown,
            (Cause::NoKey, _) => Class::Auth,
            // What the provider said can't be used; what others said can't be sent. Waiting changes neither.
            (Cause::Address | Cause::OutOfReach | Cause::NotForHost, Stake::Output) => Class::BadOutput,
            (Cause::Address | Cause::OutOfReach | Cause::NotForHost, _) if !is_unsent => Class::BadOutput,
            (Cause::Address | Cause::OutOfReach | Cause::NotForHost, _) => Class::Invalid,
            (Cause::Header | Cause::NotRecorded, _) => Class::Invalid,
            _ if is_unsent => Class::Unavailable,
            // It is sent again like what can't be reached.
            (Cause::TimedOut, Stake::Repeatable) => Class::Unavailable,
            (Cause::TimedOut, _) => Class::Timeout,
            (Cause::TooLarge, _) => Class::TooLarge,
            (Cause::Malformed | Cause::Redirected, _) => Class::BadOutput,
            _ => Class::Unavailable,
        };
        (class, billed)
    }

    /// Whether the request reached the provider.
    pub fn sent(&self) -> Known {
        match self.phase {
            Phase::Connect => Known::No,
            Phase::Send | Phase::Wait => Known::Maybe,
            _ => Known::Yes,
        }
    }

    /// The failure that this is for an attempt.
    pub fn into_failure(self, stake: Stake) -> Failure {
        let (class, billed) = self.judge(stake);
        let scope = match class {
            Class::Auth => Scope::Key,
            Class::Unavailable | Class::Unknown => Scope::Provider,
            _ => Scope::Request,
        };
        let (sent, phase) = match stake {
            Stake::Output => (Known::Yes, Phase::Download),
            Stake::Free | Stake::Paid | Stake::Repeatable => (self.sent(), self.phase),
        };
        Failure { sent, billed, scope: Some(scope), phase: Some(phase), ..Failure::new(class, self.message) }
    }

    /// The same for work: that the disk is full or failed is no failure of the attempt.
    pub fn into_work_error(self, stake: Stake) -> WorkError {
        match self.disk {
            Some(error) => WorkError::from(error),
            None => self.into_failure(stake).into(),
        }
    }
}

impl From<wire::Fault> for Fault {
    fn from(fault: wire::Fault) -> Fault {
        Fault::new(fault.phase, fault.cause.into()).because(fault.detail)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every cause in every phase, and what it means. What can't come about is in it too: nothing may be forgotten.
    #[test]
    fn every_fault_has_a_class_and_says_whether_the_request_can_have_left() {
        let mut table = String::new();
        for cause in Cause::ALL {
            for phase in [Phase::Connect, Phase::Send, Phase::Wait, Phase::Body] {
                let fault = Fault::new(phase, cause);
                let judged = [Stake::Free, Stake::Paid, Stake::Repeatable, Stake::Output].map(|stake| {
                    let (class, billed) = fault.judge(stake);
                    format!("{stake:?} {class}, billed {billed:?}").to_lowercase()
                });
                let sent = format!("{:?}", fault.sent()).to_lowercase();
                table += &format!("{cause:?} {phase:?}: sent {sent}; {}\n", judged.join("; "));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_paid_request_that_can_have_left_is_never_taken_for_one_that_did_not() {
        for cause in Cause::ALL {
            for phase in [Phase::Send, Phase::Wait, Phase::Body] {
                let (class, billed) = Fault::new(phase, cause).judge(Stake::Paid);
                assert_eq!((class, billed), (Class::Unknown, Known::Maybe), "{cause:?} {phase:?}");
            }
        }
    }
}
