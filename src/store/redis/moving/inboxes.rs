//! The inboxes of one shard, put together again to messages.
//!
//! Each inbox is a list of refs in ascending order. They are read in pages, side by side: up to the least of the last refs
//! of all pages every recipient of a message is known.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::Seq;

use super::super::words::Dno;

/// Refs of one inbox that are held at a time.
pub(super) const PAGE: usize = 64;

/// An entry of an inbox, as it stands in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ref {
    pub(super) seq: Seq,
    pub(super) resync: bool,
}

impl Ref {
    /// Reads `"<seq>"` or `"-<seq>"` (shared), with the option `resync` `"r<seq>"` or `"R<seq>"`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (kind, digits) = match text {
            [kind @ (b'-' | b'r' | b'R'), digits @ ..] => (*kind, digits),
            digits => (b' ', digits),
        };
        let seq = Seq(std::str::from_utf8(digits).ok()?.parse().ok()?);
        Some(Self { seq, resync: matches!(kind, b'r' | b'R') })
    }
}

/// A message, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) seq: Seq,
    pub(super) resync: bool,
    /// The devices it waits for.
    pub(super) devices: Vec<Dno>,
}

#[derive(Debug)]
struct Inbox {
    dno: Dno,
    /// How many refs have been read.
    read: usize,
    page: VecDeque<Ref>,
    /// Nothing follows the page.
    ended: bool,
}

/// The inboxes of a shard, as far as they have been read.
#[derive(Debug, Default)]
pub(super) struct Inboxes(Vec<Inbox>);

impl Inboxes {
    /// Those of these devices, from the beginning.
    pub(super) fn of(devices: &[Dno]) -> Self {
        let new = |dno: &Dno| Inbox { dno: *dno, read: 0, page: VecDeque::new(), ended: false };
        Self(devices.iter().map(new).collect())
    }

    /// Which pages have to be read before [`Inboxes::next`] can go on: the device, and how many refs to skip.
    pub(super) fn wanted(&self) -> Vec<(Dno, usize)> {
        let short = self.0.iter().filter(|inbox| !inbox.ended && inbox.page.len() <= PAGE / 2);
        short.map(|inbox| (inbox.dno, inbox.read)).collect()
    }

    /// Takes a page that was wanted; they come in the order of [`Inboxes::wanted`].
    pub(super) fn take(&mut self, pages: impl IntoIterator<Item = (Dno, Vec<Ref>)>) {
        let mut inboxes = self.0.iter_mut();
        for (dno, page) in pages {
            if let Some(inbox) = inboxes.find(|inbox| inbox.dno == dno) {
                inbox.read += page.len();
                inbox.ended = page.len() < PAGE;
                inbox.page.extend(page);
            }
        }
        self.0.retain(|inbox| !(inbox.ended && inbox.page.is_empty()));
    }

    /// The next messages, oldest first; `None` after the last.
    pub(super) fn next(&mut self) -> Option<Vec<Waiting>> {
        let open = self.0.iter().filter(|inbox| !inbox.ended);
        let until = open.map(|inbox| inbox.page.back().map_or(Seq(0), |last| last.seq)).min();
        let until = until.unwrap_or(Seq(u64::MAX));
        let mut messages: BTreeMap<Seq, Waiting> = BTreeMap::new();
        for inbox in &mut self.0 {
            while let Some(Ref { seq, resync }) = inbox.page.pop_front_if(|first| first.seq <= until) {
                let new = || Waiting { seq, resync, devices: Vec::new() };
                messages.entry(seq).or_insert_with(new).devices.push(inbox.dno);
            }
        }
        self.0.retain(|inbox| !(inbox.ended && inbox.page.is_empty()));
        (!messages.is_empty() || !self.0.is_empty()).then(|| messages.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refs_are_read_with_their_marks() {
        let read = |text: &[u8]| Ref::parse(text).map(|read| (read.seq.0, read.resync));
        assert_eq!(read(b"12"), Some((12, false)));
        assert_eq!(read(b"-12"), Some((12, false)));
        assert_eq!(read(b"r12"), Some((12, true)));
        assert_eq!(read(b"R12"), Some((12, true)));
        for bad in [&b""[..], b"-", b"x12", b"--1", b"12 "] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    /// Reads whole inboxes through pages.
    fn together(lists: &[Vec<u64>]) -> Vec<Waiting> {
        let dnos: Vec<Dno> = (0..lists.len() as u64).map(Dno).collect();
        let mut inboxes = Inboxes::of(&dnos);
        let mut all = Vec::new();
        loop {
            let pages: Vec<(Dno, Vec<Ref>)> = inboxes
                .wanted()
                .into_iter()
                .map(|(dno, skip)| {
                    let refs = lists[dno.0 as usize].iter().skip(skip).take(PAGE);
                    (dno, refs.map(|seq| Ref { seq: Seq(*seq), resync: seq % 7 == 0 }).collect())
                })
                .collect();
            inboxes.take(pages);
            let held = inboxes.0.iter().map(|inbox| inbox.page.len()).max().unwrap_or_default();
            assert!(held <= PAGE * 3 / 2, "a page and a half at most");
            match inboxes.next() {
                Some(messages) => all.extend(messages),
                None => return all,
            }
        }
    }

    proptest! {
        #[test]
        fn every_message_comes_once_with_all_its_recipients(
            messages in proptest::collection::vec((1_u64..5, 0_u8..32), 0..700),
        ) {
            let (mut lists, mut expected, mut seq) = (vec![Vec::new(); 5], Vec::new(), 0);
            for (step, mask) in messages {
                seq += step;
                let devices: Vec<Dno> = (0..5).filter(|bit| mask >> bit & 1 != 0).map(Dno).collect();
                for dno in &devices {
                    lists[dno.0 as usize].push(seq);
                }
                if !devices.is_empty() {
                    expected.push(Waiting { seq: Seq(seq), resync: seq % 7 == 0, devices });
                }
            }
            prop_assert_eq!(together(&lists), expected);
        }
    }
}
