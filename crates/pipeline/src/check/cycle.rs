//! The order in which steps can be checked, and the cycles that keep them from ever starting.

/// How many cycles are reported: more don't help anyone.
const CYCLES_MAX: usize = 10;

/// The steps, each behind all that it waits for; and the cycles there are, each as the steps that lie
/// on it, the first one twice (`a → b → a`). `waits_for` says for every step what it waits for.
///
/// A walk with a stack of its own: a hostile file must not be able to use up the program's.
pub fn order(waits_for: &[Vec<usize>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; waits_for.len()];
    let (mut order, mut cycles) = (Vec::with_capacity(waits_for.len()), Vec::new());
    for start in 0..waits_for.len() {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        let mut path = vec![(start, 0)];
        while let Some((step, next)) = path.last_mut() {
            let step = *step;
            let Some(&other) = waits_for[step].get(*next) else {
                marks[step] = Mark::Done;
                order.push(step);
                path.pop();
                continue;
            };
            *next += 1;
            match marks[other] {
                Mark::New => {
                    marks[other] = Mark::Open;
                    path.push((other, 0));
                }
                Mark::Open if cycles.len() < CYCLES_MAX => {
                    let on_cycle = path.iter().map(|(step, _)| *step).skip_while(|step| *step != other);
                    cycles.push(on_cycle.chain([other]).collect());
                }
                Mark::Open | Mark::Done => {}
            }
        }
    }
    (order, cycles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_comes_behind_what_it_waits_for() {
        assert_eq!(order(&[vec![1, 2], vec![2], vec![]]), (vec![2, 1, 0], vec![]));
    }

    #[test]
    fn each_cycle_is_told_as_its_path() {
        let (order, cycles) = order(&[vec![1], vec![2], vec![0, 3], vec![3], vec![]]);
        assert_eq!(cycles, [vec![0, 1, 2, 0], vec![3, 3]]);
        assert_eq!(order.len(), 5);
    }

    #[test]
    fn a_very_long_chain_needs_no_deep_stack() {
        let chain: Vec<_> = (0..200_000).map(|step: usize| vec![step + 1]).chain([vec![]]).collect();
        assert_eq!(order(&chain).0.first(), Some(&200_000));
    }
}
