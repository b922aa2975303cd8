//! The gate: what the dispatcher is told, and what it says.

use std::collections::VecDeque;

use motet_engine::dispatcher::{Claim, Needs, Told, Verdicts};
use motet_engine::{AttemptKey, Command, Input, RunId};

use super::{Driver, Effect};
use crate::warning::Warning;

impl Driver {
    /// Tells the gate something, and the runs what it says. What it must remember is made durable with the
    /// next turns, which are those of the attempts that it lets begin.
    pub(super) fn tell_gate(&mut self, told: Told) {
        let mut mail = VecDeque::from([told]);
        // Whoever leaves begins nothing.
        while self.leaving.is_empty()
            && let Some(told) = mail.pop_front()
        {
            let Verdicts { events, grants, denials } = self.dispatcher.handle(self.hands.world.now(), told);
            self.gate.extend(events);
            for claim in grants {
                match self.runs.contains_key(&claim.run) {
                    true => self.tell(&claim.run, Input::Granted { key: claim.key }),
                    false => mail.push_back(Told::Released { claim }),
                }
            }
            for denial in denials {
                let Claim { run, key } = denial.claim;
                self.tell(&run, Input::Denied { key, failure: denial.failure });
            }
        }
    }

    /// Whoever is at work has its slots before anybody is let through: of a run that is resumed, what waits
    /// may stand before what is at work.
    pub(super) fn hold_slots(&mut self, effects: &[Effect]) {
        for Effect { run, commands, .. } in effects {
            for command in commands {
                if let Command::Perform(perform) = command
                    && !perform.needs.is_empty()
                    && self.runs.contains_key(run)
                {
                    let claim = Claim { run: run.clone(), key: perform.key.clone() };
                    self.tell_gate(Told::Held { claim, needs: perform.needs.clone() });
                }
            }
        }
    }

    pub(super) fn want(&mut self, id: &RunId, key: AttemptKey, needs: Needs) {
        // A run that is driven no more would never give it back.
        if !self.runs.contains_key(id) {
            return;
        }
        if let Some(pool) = needs.pool.as_ref().filter(|pool| !self.dispatcher.has_pool(pool))
            && self.missing_pools.insert(pool.clone())
        {
            let (pool, run, step) = (pool.to_string(), id.clone(), key.step.clone());
            self.hands.warn(&Warning::NoPool { pool, run, step });
        }
        self.tell_gate(Told::Wanted { claim: Claim { run: id.clone(), key }, needs });
    }

    pub(super) fn release(&mut self, id: &RunId, key: AttemptKey) {
        self.tell_gate(Told::Released { claim: Claim { run: id.clone(), key } });
    }

    /// Tells the gate that time has passed, if it waits for that.
    pub(super) fn tick_gate(&mut self) {
        if self.dispatcher.next_deadline().is_some_and(|due| due <= self.hands.world.now()) {
            self.tell_gate(Told::Tick);
        }
    }
}
