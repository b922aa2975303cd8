//! Unwinding: in which order a run is undone. A step is undone once all that waited for it is, down to single items: the
//! data flow of the run, backwards.

use std::collections::BTreeMap;
use std::fmt;

use crate::graph::dependencies;
use crate::node::NodeId;
use crate::run::Run;

/// How far a run is undone. It follows from the state, and doesn't belong to it.
#[derive(Clone, Default)]
pub(crate) struct Unwinding {
    /// What keeps each step and item from being undone: steps that waited for it, and what it is inside of.
    blockers: Vec<u32>,
    /// How many steps or items inside of each are not done with.
    inside: Vec<u32>,
    /// What undoes each.
    undos: BTreeMap<NodeId, NodeId>,
}

impl PartialEq for Unwinding {
    fn eq(&self, _: &Unwinding) -> bool {
        true
    }
}

impl fmt::Debug for Unwinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What is to be looked at.
enum Look {
    /// Nothing keeps a node any more.
    Reach(NodeId),
    /// A node is done with: undone, or there is nothing to undo.
    Clear(NodeId),
}

impl Unwinding {
    /// How far `run` is, and the undos that can begin.
    pub(crate) fn of(run: &Run) -> (Unwinding, Vec<NodeId>) {
        let mut unwinding = Unwinding::default();
        if !run.closing.as_ref().is_some_and(|closing| closing.is_undoing()) {
            return (unwinding, Vec::new());
        }
        (unwinding.blockers, unwinding.inside) = (vec![0; run.nodes.len()], vec![0; run.nodes.len()]);
        for id in (1..run.nodes.len() as u32).map(NodeId) {
            match run.undone_by(id) {
                Some(undone) => _ = unwinding.undos.insert(undone, id),
                None => unwinding.add(run, id),
            }
        }
        let outermost = children(run, NodeId::ROOT).filter(|id| !run.is_of_the_end(*id));
        let looks = outermost.filter(|id| unwinding.unblock(*id)).map(Look::Reach).collect();
        let ready = unwinding.follow(run, looks);
        (unwinding, ready)
    }

    fn add(&mut self, run: &Run, id: NodeId) {
        if run.is_of_the_end(id) {
            return;
        }
        self.blockers[id.0 as usize] += 1;
        self.inside[run.node(id).parent.0 as usize] += 1;
        for other in awaited(run, id) {
            self.blockers[other.0 as usize] += 1;
        }
    }

    /// Whether the undo `id` can begin.
    pub(crate) fn allows(&self, run: &Run, id: NodeId) -> bool {
        self.blockers.get(run.node(id).parent.0 as usize) == Some(&0)
    }

    /// `id` is undone, or never will be. Gives the undos that can begin now.
    pub(crate) fn clear(&mut self, run: &Run, id: NodeId) -> Vec<NodeId> {
        self.follow(run, vec![Look::Clear(id)])
    }

    fn follow(&mut self, run: &Run, mut looks: Vec<Look>) -> Vec<NodeId> {
        let mut ready = Vec::new();
        while let Some(look) = looks.pop() {
            match look {
                Look::Reach(id) => match self.undos.get(&id) {
                    Some(undo) if !run.node(*undo).status.is_terminal() => ready.push(*undo),
                    _ if self.inside[id.0 as usize] == 0 => looks.push(Look::Clear(id)),
                    _ => looks.extend(children(run, id).filter(|id| self.unblock(*id)).map(Look::Reach)),
                },
                Look::Clear(id) => {
                    looks.extend(awaited(run, id).filter(|id| self.unblock(*id)).map(Look::Reach));
                    let around = run.node(id).parent;
                    let left = &mut self.inside[around.0 as usize];
                    *left = left.saturating_sub(1);
                    if *left == 0 && around != NodeId::ROOT {
                        looks.push(Look::Clear(around));
                    }
                }
            }
        }
        ready.sort_unstable();
        ready
    }

    /// One thing less keeps `id`; tells whether it was the last.
    fn unblock(&mut self, id: NodeId) -> bool {
        let left = &mut self.blockers[id.0 as usize];
        *left = left.saturating_sub(1);
        *left == 0
    }
}

fn children(run: &Run, id: NodeId) -> impl Iterator<Item = NodeId> {
    (0..).map_while(move |index| run.node(id).child(index))
}

/// The steps that `id` waited for; its items waited for nothing else.
fn awaited(run: &Run, id: NodeId) -> impl Iterator<Item = NodeId> {
    let step = run.graph.step(run.step_id(id));
    let scope = run.scope_node(id);
    let is_item = run.node(id).item.is_some();
    dependencies(step)
        .filter(move |_| !is_item)
        .filter_map(move |dependency| run.find_awaited(scope, dependency.step))
}
