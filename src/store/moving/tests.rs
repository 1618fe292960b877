//! The move itself, between ends that are made up.

use bytes::Bytes;

use super::*;
use crate::domain::{DeviceTtl, SiteName};

/// Ends of a move that can be wrong.
#[derive(Default)]
struct Ends {
    pieces: Vec<Vec<MovedMessage>>,
    lefts: Vec<Option<Duration>>,
    /// The source counts so many entries more than it gives.
    too_many: u64,
    /// The target loses so many devices.
    lost: u64,
    /// The source was used meanwhile.
    used: bool,
    came: Vec<MovedDevice>,
    census: Census,
    finished: bool,
}

fn device(no: u64, left: Option<Duration>) -> MovedDevice {
    let key = DeviceKey {
        site: SiteName::new("s").unwrap(),
        primary: "u".into(),
        device_id: no.to_string().into(),
    };
    MovedDevice { no: DeviceNo(no), key, rooms: Vec::new(), owes_resync: no == 2, left }
}

fn message(text: &'static str, devices: &[u64]) -> MovedMessage {
    let devices = devices.iter().copied().map(DeviceNo).collect();
    MovedMessage { event: Event::stored(Bytes::from_static(text.as_bytes())), resync: false, devices }
}

struct Giving<'e>(&'e Ends, usize, usize);
struct Taking<'e>(&'e mut Ends);

impl Source for Giving<'_> {
    fn census(&mut self) -> Result<Census, MoveError> {
        let mut census = Census { devices: self.0.lefts.len() as u64, resyncs: 1, ..Census::default() };
        for message in self.0.pieces.iter().flatten() {
            census.messages += 1;
            census.entries += message.devices.len() as u64;
            census.bytes += (message.devices.len() * message.event.json().len()) as u64;
        }
        census.entries += self.0.too_many;
        Ok(census)
    }

    fn devices(&mut self) -> Result<Vec<MovedDevice>, MoveError> {
        self.1 += 1;
        let left = self.0.lefts.get(self.1 - 1);
        Ok(left.map(|left| device(self.1 as u64, *left)).into_iter().collect())
    }

    fn messages(&mut self) -> Result<Vec<MovedMessage>, MoveError> {
        self.2 += 1;
        Ok(self.0.pieces.get(self.2 - 1).cloned().unwrap_or_default())
    }

    fn unchanged(&mut self) -> Result<(), MoveError> {
        if self.0.used { Err(MoveError::Failed("used".to_owned())) } else { Ok(()) }
    }
}

impl Target for Taking<'_> {
    fn devices(&mut self, devices: Vec<MovedDevice>) -> Result<(), MoveError> {
        self.0.census.devices += devices.len() as u64;
        self.0.census.resyncs += devices.iter().filter(|device| device.owes_resync).count() as u64;
        self.0.came.extend(devices);
        Ok(())
    }

    fn messages(&mut self, messages: Vec<MovedMessage>) -> Result<(), MoveError> {
        for message in messages {
            // It needs a body for each of its devices.
            let devices = message.devices.len() as u64;
            self.0.census.messages += devices;
            self.0.census.entries += devices;
            self.0.census.bytes += devices * message.event.json().len() as u64;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<u64, MoveError> {
        Ok(self.0.census.messages)
    }

    fn census(&mut self) -> Result<Census, MoveError> {
        Ok(Census { devices: self.0.census.devices - self.0.lost, ..self.0.census })
    }

    fn finish(&mut self) -> Result<(), MoveError> {
        self.0.finished = true;
        Ok(())
    }

    fn cleaning(&self) -> String {
        String::new()
    }
}

const HOUR: Duration = Duration::from_hours(1);

fn ends() -> Ends {
    Ends {
        pieces: vec![vec![message("[1]", &[1, 2])], vec![message("[22]", &[2])]],
        lefts: vec![None, Some(HOUR), Some(HOUR * 3)],
        ..Ends::default()
    }
}

fn run(giving: &Ends, taking: &mut Ends, ttl: DeviceTtl) -> Result<Census, MoveError> {
    carry(&mut Giving(giving, 0, 0), &mut Taking(taking), ttl, &mut |_| ())
}

#[test]
fn everything_arrives_and_what_arrived_is_told() {
    let mut taking = Ends::default();
    let mut stages = Vec::new();
    let mut watch = |progress: Progress| stages.push((progress.stage, progress.done.entries));
    let census =
        carry(&mut Giving(&ends(), 0, 0), &mut Taking(&mut taking), DeviceTtl::Never, &mut watch).unwrap();
    let expected = Census { devices: 3, resyncs: 1, messages: 2, entries: 3, bytes: 10 };
    assert_eq!(census, expected);
    assert!(taking.finished);
    assert_eq!(taking.came.len(), 3);
    assert_eq!(stages.first(), Some(&(Stage::Counting, 0)));
    assert!(stages.contains(&(Stage::Messages, 2)), "{stages:?}");
    assert_eq!(stages.last(), Some(&(Stage::Verifying, 3)));
}

#[test]
fn a_device_is_remembered_as_at_a_start_with_that_ttl() {
    let lefts = |ttl| {
        let mut taking = Ends::default();
        run(&ends(), &mut taking, ttl).unwrap();
        taking.came.iter().map(|device| device.left).collect::<Vec<_>>()
    };
    assert_eq!(lefts(DeviceTtl::After(HOUR * 2)), [Some(HOUR * 2), Some(HOUR), Some(HOUR * 2)]);
    assert_eq!(lefts(DeviceTtl::Never), [None, None, None]);
}

#[test]
fn a_difference_on_either_side_is_an_error_with_both_numbers_and_nothing_is_finished() {
    for (giving, mut taking, text) in [
        (
            Ends { too_many: 4, ..ends() },
            Ends::default(),
            "the source does not hold what it should: 3 entries of inboxes instead of 7",
        ),
        (
            ends(),
            Ends { lost: 1, ..Ends::default() },
            "the target does not hold what it should: 2 devices instead of 3",
        ),
        (Ends { used: true, ..ends() }, Ends::default(), "used"),
    ] {
        let error = run(&giving, &mut taking, DeviceTtl::Never).unwrap_err();
        assert_eq!(error, MoveError::Failed(text.to_owned()));
        assert!(!taking.finished);
    }
}
