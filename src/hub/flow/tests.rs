//! The hand-over, step by step; and any order of events against a model of the inbox.

mod model;

use super::*;

fn entry(flow: &mut Flow, seq: u64) -> bool {
    flow.entry(Seq(seq), &Event::stored(bytes::Bytes::new()))
}

fn seqs((step, held): (Step, Vec<Live>)) -> (Step, Vec<Seq>) {
    (step, held.into_iter().map(|(seq, _)| seq).collect())
}

fn live_at(seq: u64) -> Flow {
    let mut flow = Flow::default();
    assert_eq!(seqs(flow.page(None, Seq(seq), false)), (Step::Rest, vec![]));
    flow
}

#[test]
fn a_live_entry_goes_out_once() {
    let mut flow = live_at(5);
    assert!(!entry(&mut flow, 5) && entry(&mut flow, 6) && !entry(&mut flow, 6));
}

#[test]
fn what_arrives_while_reading_comes_behind_the_batch_and_not_twice() {
    let mut flow = Flow::default();
    assert!(!entry(&mut flow, 7) && !entry(&mut flow, 9));
    assert_eq!(seqs(flow.page(Some(Seq(7)), Seq(8), false)), (Step::Rest, vec![Seq(9)]));
    assert!(flow.is_live() && entry(&mut flow, 10) && flow.last() == Seq(10));
}

#[test]
fn a_long_inbox_goes_on_after_the_ack_of_the_batch() {
    let mut flow = Flow::default();
    assert_eq!(seqs(flow.page(Some(Seq(3)), Seq(3), true)), (Step::Rest, vec![]));
    assert!(!entry(&mut flow, 4));
    assert_eq!(flow.batch_acknowledged(Seq(2)), Step::Rest);
    assert_eq!(flow.batch_acknowledged(Seq(3)), Step::Read(Seq(3)));
    assert_eq!(seqs(flow.page(Some(Seq(4)), Seq(4), false)), (Step::Rest, vec![]));
    assert!(entry(&mut flow, 5));
}

#[test]
fn too_many_held_back_are_read_again() {
    let mut flow = Flow::default();
    (1..=HELD as u64 + 5).for_each(|seq| assert!(!entry(&mut flow, seq)));
    assert_eq!(seqs(flow.page(None, Seq(0), false)), (Step::Read(Seq(0)), vec![]));
    assert!(!flow.is_live());
}

#[test]
fn too_much_held_back_is_read_again() {
    let mut flow = Flow::default();
    let large = Event::stored(vec![b'x'; HELD_BYTES / 2].into());
    (1..=4).for_each(|seq| assert!(!flow.entry(Seq(seq), &large)));
    assert_eq!(seqs(flow.page(None, Seq(0), false)), (Step::Read(Seq(0)), vec![]));
}

#[test]
fn an_empty_page_with_more_behind_it_is_read_on() {
    let mut flow = Flow::default();
    assert_eq!(seqs(flow.page(None, Seq(0), true)), (Step::Read(Seq(0)), vec![]));
}

#[test]
fn a_cleared_inbox_is_not_waited_for() {
    let mut flow = Flow::default();
    let _ = flow.page(Some(Seq(3)), Seq(3), true);
    assert_eq!(flow.cleared(Seq(8)), Step::Read(Seq(8)));
    assert!(!entry(&mut flow, 8) && !entry(&mut flow, 9));
    assert_eq!(seqs(flow.page(Some(Seq(9)), Seq(9), false)), (Step::Rest, vec![]));
}

#[test]
fn starting_over_takes_nothing_from_the_acks_of_what_was_emitted() {
    let mut flow = live_at(5);
    assert!(entry(&mut flow, 9));
    assert_eq!(flow.restart(), Step::Read(Seq(0)));
    assert_eq!((flow.last(), flow.top()), (Seq(0), Seq(9)));
    assert_eq!(flow.restart(), Step::Rest, "a page is on its way");
}

#[test]
fn a_batch_is_under_way_until_it_is_acknowledged_or_cleared() {
    let mut flow = Flow::default();
    let _ = flow.page(Some(Seq(3)), Seq(3), false);
    assert!(entry(&mut flow, 4) && flow.batch() == Some(Seq(3)));
    assert_eq!((flow.batch_acknowledged(Seq(2)), flow.batch()), (Step::Rest, Some(Seq(3))));
    assert_eq!((flow.batch_acknowledged(Seq(3)), flow.batch()), (Step::Rest, None));
    let _ = flow.restart();
    let _ = flow.page(Some(Seq(4)), Seq(4), false);
    assert_eq!((flow.cleared(Seq(4)), flow.batch()), (Step::Rest, None));
}

#[test]
fn what_was_missed_is_read_before_anything_newer_is_emitted() {
    let mut flow = live_at(5);
    assert_eq!(flow.missed(), Step::Read(Seq(5)));
    assert!(!entry(&mut flow, 9));
    assert_eq!(seqs(flow.page(Some(Seq(7)), Seq(8), false)), (Step::Rest, vec![Seq(9)]));
}

#[test]
fn a_page_on_its_way_may_be_older_than_what_was_missed() {
    for held in [false, true] {
        let mut flow = Flow::default();
        if held {
            assert!(!entry(&mut flow, 9));
        }
        assert_eq!(flow.missed(), Step::Rest);
        assert_eq!(seqs(flow.page(None, Seq(3), false)), (Step::Read(Seq(0)), vec![]));
        assert_eq!(seqs(flow.page(None, Seq(9), false)), (Step::Rest, vec![]));
        assert!(flow.is_live());
    }
}

#[test]
fn what_was_missed_behind_a_batch_is_read_after_its_ack() {
    let mut flow = Flow::default();
    let _ = flow.page(Some(Seq(3)), Seq(3), true);
    assert_eq!(flow.missed(), Step::Rest);
    assert_eq!(flow.batch_acknowledged(Seq(3)), Step::Read(Seq(3)));
}

#[test]
fn a_batch_read_because_live_entries_were_missed_settles_only_itself() {
    let mut flow = Flow::default();
    flow.batched([Seq(1), Seq(2)].into_iter());
    assert_eq!(flow.page(Some(Seq(2)), Seq(2), false).0, Step::Rest);
    // Live, and not acknowledged.
    assert!(entry(&mut flow, 3));
    assert_eq!(flow.missed(), Step::Read(Seq(3)));
    flow.batched([Seq(4), Seq(5)].into_iter());
    assert_eq!(flow.page(Some(Seq(5)), Seq(5), false).0, Step::Rest);
    assert_eq!(flow.covered(Seq(5)), Covered::These(Box::from([Seq(4), Seq(5)])));
    assert_eq!(flow.covered(Seq(5)), Covered::These(Box::default()), "once");
    assert_eq!(flow.covered(Seq(2)), Covered::Through, "before it there was nothing");
    assert_eq!(flow.restart(), Step::Read(Seq(0)));
    flow.batched([Seq(3)].into_iter());
    assert_eq!(flow.covered(Seq(3)), Covered::These(Box::from([Seq(3)])));
}

#[test]
fn batches_that_nobody_acknowledges_do_not_pile_up() {
    let mut flow = Flow::default();
    assert_eq!(flow.page(None, Seq(0), false).0, Step::Rest);
    flow.missed();
    for seq in 1..=1000 {
        flow.batched(std::iter::once(Seq(seq)));
        flow.page(Some(Seq(seq)), Seq(seq), false);
        flow.restart();
    }
    assert!(flow.missed.as_ref().is_some_and(|missed| missed.batches.len() == BATCHES));
    assert_eq!(flow.covered(Seq(1)), Covered::These(Box::default()));
    assert_eq!(flow.covered(Seq(1000)), Covered::These(Box::from([Seq(1000)])));
}

#[test]
fn what_is_told_twice_while_a_page_is_on_its_way_is_emitted_once() {
    let mut flow = Flow::default();
    assert!(!entry(&mut flow, 3) && !entry(&mut flow, 3) && !entry(&mut flow, 4));
    let (step, held) = flow.page(None, Seq(2), false);
    let held: Vec<Seq> = held.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!((step, held), (Step::Rest, vec![Seq(3), Seq(4)]));
}
