//! The clients and the messages of one site.

use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::crowd::{Counts, Crowd, Outfit, Times, Wave};
use crate::latency::Latency;
use crate::plan::Common;
use crate::post::{Form, Outgoing, Posted, Target};
use crate::wire::Carrier;

/// After so long without a single delivery nothing more is expected.
const SILENCE: Duration = Duration::from_secs(3);

/// The clients and the messages of one site.
pub struct Party {
    pub crowd: Crowd,
    pub outgoing: Rc<Outgoing>,
    pub people: Range<u32>,
    opening: u32,
}

/// A moment from which counts are taken.
pub struct Mark {
    posted: Posted,
    counts: Counts,
}

/// What happened at a party in some stretch of time.
#[derive(Debug, Default)]
pub struct Share {
    /// What became of POSTs.
    pub posted: Posted,
    /// What clients counted.
    pub counts: Counts,
    /// Times of answers.
    pub send: Latency,
    /// What clients measured.
    pub times: Times,
}

impl Share {
    /// Both stretches together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.posted = self.posted.plus(&other.posted);
        self.counts = self.counts.plus(&other.counts);
        self.send.merge(&other.send);
        self.times.merge(&other.times);
        self
    }
}

impl Party {
    /// Clients with these numbers, on threads of that name; nobody is connected yet.
    pub fn new(common: &Common, name: &str, site: &str, people: Range<u32>, target: Target) -> Result<Self> {
        let crowd = Crowd::gather(name, &outfit(common, site))?;
        let outgoing = Rc::new(outgoing(common, site, people.clone(), target, common.pad));
        Ok(Self { crowd, outgoing, people, opening: common.opening })
    }

    /// All of them, as fast as they are let in.
    pub fn wave(&self) -> Wave {
        let opening = self.opening as usize;
        Wave { numbers: self.people.clone(), opening, within: Duration::ZERO, owed: 0 }
    }

    /// From now on.
    pub async fn mark(&self) -> Result<Mark> {
        self.outgoing.take_times();
        self.crowd.take_times().await?;
        Ok(Mark { posted: self.outgoing.posted(), counts: self.crowd.counts() })
    }

    /// Waits until everything that was accepted since has been delivered, or does not come any more.
    pub async fn drained(&self, mark: &Mark, most: Duration) -> bool {
        self.delivered(mark, self.outgoing.posted().since(&mark.posted).expected, most).await
    }

    /// Waits until so many deliveries have come since, or no more come.
    pub async fn delivered(&self, mark: &Mark, expected: u64, most: Duration) -> bool {
        let end = Instant::now() + most;
        let (mut seen, mut silent) = (u64::MAX, Instant::now());
        loop {
            let delivered = self.crowd.counts().since(&mark.counts).delivered;
            if delivered >= expected {
                return true;
            }
            if delivered != seen {
                (seen, silent) = (delivered, Instant::now());
            }
            if Instant::now() > end || silent.elapsed() > SILENCE {
                return false;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// What happened since.
    pub async fn share(&self, mark: &Mark) -> Result<Share> {
        Ok(Share {
            posted: self.outgoing.posted().since(&mark.posted),
            counts: self.crowd.counts().since(&mark.counts),
            send: self.outgoing.take_times(),
            times: self.crowd.take_times().await?,
        })
    }
}

/// How clients of a site connect.
pub fn outfit(common: &Common, site: &str) -> Outfit {
    let path = match common.carrier {
        Carrier::Socketio => &common.path,
        Carrier::WebsocketRaw => &common.subscribe,
    };
    Outfit {
        port: common.port,
        carrier: common.carrier,
        path: path.clone(),
        site: site.to_owned(),
        acks: common.ack,
        threads: common.threads.into(),
    }
}

/// Messages for clients of a site.
pub fn outgoing(common: &Common, site: &str, people: Range<u32>, target: Target, pad: usize) -> Outgoing {
    let form = Form {
        publish: common.publish,
        path: common.publish_path.clone(),
        site: site.to_owned(),
        key: common.key.clone(),
        items: common.items,
        pad,
        target,
        people,
    };
    Outgoing::new(common.publish_port(), form)
}
