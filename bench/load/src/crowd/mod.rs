//! The clients. They live on threads of their own and share one buffer and one set of histograms per thread; the
//! conductor gives orders and reads counts. What is said on the wire is in `wire`.

mod stand;
mod tally;
mod visitor;

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub use tally::{Counts, Times};

use crate::local;
use crate::wire::{Carrier, Guise};
use stand::{Order, Stand};
use tally::Tally;

/// How clients of a crowd connect.
#[derive(Debug, Clone)]
pub struct Outfit {
    /// Where, on 127.0.0.1.
    pub port: u16,
    /// How messages are carried.
    pub carrier: Carrier,
    /// The path of the upgrade.
    pub path: String,
    /// The site, whose namespace they join.
    pub site: String,
    /// Whether they acknowledge.
    pub acks: bool,
    /// Threads they share.
    pub threads: usize,
}

impl Outfit {
    fn guise(&self) -> Guise {
        let namespace = if self.site.is_empty() { String::new() } else { format!("/{},", self.site) };
        Guise { carrier: self.carrier, path: self.path.clone(), namespace, acks: self.acks }
    }
}

/// A wave of clients that come.
#[derive(Debug, Clone)]
pub struct Wave {
    /// Their numbers.
    pub numbers: Range<u32>,
    /// How many handshakes may be under way at once, in each thread.
    pub opening: usize,
    /// They come evenly within this time; zero is as fast as `opening` lets them.
    pub within: Duration,
    /// How many messages wait for each: it is ready when it has, and has acknowledged, so many.
    pub owed: u32,
}

/// Clients of one site.
pub struct Crowd {
    threads: Vec<Thread>,
}

struct Thread {
    orders: mpsc::UnboundedSender<Order>,
    tally: Arc<Tally>,
    running: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Starts the threads; nobody is connected yet.
    pub fn gather(name: &str, outfit: &Outfit) -> Result<Self> {
        let threads =
            (0..outfit.threads.max(1)).map(|at| Thread::start(&format!("{name}{at}"), outfit.clone()));
        Ok(Self { threads: threads.collect::<Result<_>>()? })
    }

    /// Lets a wave come. Returns at once.
    pub fn open(&self, wave: &Wave) {
        let begin = Instant::now();
        for (at, thread) in self.threads.iter().enumerate() {
            thread.order(Order::Open {
                wave: wave.clone(),
                begin,
                turn: at as u32,
                of: self.threads.len() as u32,
            });
        }
    }

    /// Lets a wave come, and waits until all of it is in.
    pub async fn open_all(&self, wave: &Wave) -> Result<()> {
        let before = self.counts();
        let wanted = wave.numbers.len() as u64;
        self.open(wave);
        let now = || self.counts().since(&before);
        local::wait_for(Duration::from_mins(2), || now().joined + now().given_up >= wanted).await;
        let now = now();
        if now.joined < wanted || now.closed > 0 {
            bail!(
                "{} of {wanted} clients were let in, {} refused, {} connects failed, {} closed",
                now.joined,
                now.refused,
                now.failures,
                now.closed
            );
        }
        Ok(())
    }

    /// Closes all connections.
    pub async fn leave(&self) -> Result<()> {
        for thread in &self.threads {
            let (done, left) = oneshot::channel();
            thread.order(Order::Leave(done));
            left.await.context("a thread of clients has ended")?;
        }
        Ok(())
    }

    /// From now on nobody reads, answers a ping or notices anything.
    pub fn stop_reading(&self) {
        self.threads.iter().for_each(|thread| thread.order(Order::StopReading));
    }

    /// The local ports of all who are connected.
    pub async fn ports(&self) -> Result<Vec<u16>> {
        let mut all = Vec::new();
        for thread in &self.threads {
            let (reply, ports) = oneshot::channel();
            thread.order(Order::Ports(reply));
            all.extend(ports.await.context("a thread of clients has ended")?);
        }
        Ok(all)
    }

    /// All counts so far.
    pub fn counts(&self) -> Counts {
        self.threads.iter().fold(Counts::default(), |sum, thread| sum.plus(&thread.tally.read()))
    }

    /// The times measured since this was last called.
    pub async fn take_times(&self) -> Result<Times> {
        let mut all = Times::default();
        for thread in &self.threads {
            let (reply, times) = oneshot::channel();
            thread.order(Order::Take(reply));
            all.merge(&*times.await.context("a thread of clients has ended")?);
        }
        Ok(all)
    }
}

impl Thread {
    fn start(name: &str, outfit: Outfit) -> Result<Self> {
        let (orders, inbox) = mpsc::unbounded_channel();
        let tally = Arc::new(Tally::default());
        let theirs = Arc::clone(&tally);
        let running =
            local::thread(name, move || Rc::new(Stand::new(outfit.port, outfit.guise(), theirs)).run(inbox))?;
        Ok(Self { orders, tally, running: Some(running) })
    }

    /// An order to a thread that has ended is carried out by nobody; whoever waits for its answer learns of it.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.order(Order::End);
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}
