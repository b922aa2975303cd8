//! What every store does, whether it is a file or in memory.

mod artifacts;
mod dead;
mod deletion;
mod gate;
mod journal;
#[path = "../score/mod.rs"]
mod score;
mod steps;
mod tables;

use motet_store::Store;

use score::Score;

/// Runs each story on a store in a file and on one in memory.
macro_rules! on_every_store {
    ($($group:ident::$story:ident)+) => {
        mod in_a_file {
            $(#[test] fn $story() {
                let folder = tempfile::tempdir().unwrap();
                crate::$group::$story(&motet_store::Store::open(folder.path()).unwrap());
            })+
        }
        mod in_memory {
            $(#[test] fn $story() {
                crate::$group::$story(&motet_store::Store::in_memory().unwrap());
            })+
        }
    };
}

on_every_store! {
    journal::what_is_appended_is_replayed
    journal::many_records_get_one_acknowledgement
    journal::acknowledgements_come_in_the_order_of_requests
    journal::turns_are_followed_from_a_number_on
    journal::a_turn_out_of_order_is_refused_and_harms_no_other
    journal::a_request_is_written_as_a_whole_or_not_at_all
    journal::a_first_turn_must_start_its_run
    journal::an_unknown_run_is_named
    journal::large_turns_lie_beside_and_come_back
    journal::turns_that_gather_are_committed_at_once
    journal::a_callback_that_panics_leaves_nobody_waiting
    journal::plans_are_kept_by_digest
    journal::the_last_sign_of_life_is_known
    dead::a_failed_run_is_dead_until_another_continues_it_or_somebody_has_dealt_with_it
    dead::dead_letters_are_filtered
    deletion::a_deleted_run_is_gone_with_what_only_it_needed_and_its_costs_stay
    deletion::what_is_needed_is_not_deleted
    deletion::a_lineage_goes_as_a_whole_or_stays
    deletion::what_the_cache_may_still_give_stays
    deletion::the_oldest_go_until_little_enough_is_left
    deletion::the_last_run_of_all_may_go_and_the_next_one_comes_after_it
    deletion::what_was_used_lately_is_not_swept
    deletion::a_wrong_row_is_found_and_made_again
    gate::what_happened_at_the_gate_is_kept_with_the_turns
    gate::a_batch_that_is_refused_leaves_nothing_at_the_gate
    gate::of_each_subject_the_last_entry_is_kept
    tables::a_run_is_told_from_start_to_end
    tables::steps_are_told_as_they_go
    tables::late_costs_are_booked_after_the_end
    tables::costs_stay_exact
    tables::runs_are_found_by_their_ending
    tables::runs_are_filtered
    tables::unfinished_runs_are_found_by_plan_and_inputs
    tables::a_run_is_found_by_its_inputs_from_its_start_to_its_end
    tables::the_usual_duration_is_a_median_of_good_attempts
    tables::projections_can_be_made_again
    tables::the_newest_of_what_was_made_of_the_same_is_in_the_cache
    tables::what_was_taken_over_is_saved_and_was_not_wasted
    steps::a_page_of_a_journal_is_about_as_large_as_asked_and_has_a_turn_at_least
    steps::a_journal_of_many_pages_is_visited_in_order_until_somebody_has_seen_enough
    steps::steps_are_found_a_few_at_a_time
    steps::of_items_that_failed_at_once_the_first_of_the_list_come_first
    steps::how_items_ended_and_what_they_cost_is_counted
    steps::a_step_knows_the_turns_that_tell_of_it
    artifacts::artifacts_are_referred_to_by_step_and_output
    artifacts::the_same_bytes_are_kept_once
    artifacts::a_file_can_be_handed_over
    artifacts::a_damaged_copy_is_replaced
    artifacts::a_good_store_passes_its_check
}

#[test]
fn what_was_handed_in_is_committed_when_the_store_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let scores: Vec<Score> = (0..100).map(|n| Score::four_steps(&format!("r{n}"))).collect();
    for score in &scores {
        store.append_all(score.records(), |outcome| outcome.unwrap());
    }
    drop(store);
    let store = Store::open_read_only(folder.path()).unwrap();
    for score in &scores {
        assert_eq!(store.turns(&score.run).unwrap(), score.turns());
    }
}

#[test]
fn a_store_in_memory_leaves_nothing_behind() {
    let store = Store::in_memory().unwrap();
    let folder = store.folder().to_owned();
    store.put_bytes(b"some bytes").unwrap();
    assert!(folder.exists());
    drop(store.clone());
    assert!(folder.exists());
    drop(store);
    assert!(!folder.exists());
}
