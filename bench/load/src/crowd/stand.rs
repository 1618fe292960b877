//! One thread of clients: what they share, and the orders it carries out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::tally::{Tally, Times};
use super::{Wave, visitor};
use crate::local;
use crate::wire::Guise;

/// What is read at once at most.
const BUFFER: usize = 256 * 1024;

/// What the conductor wants of a thread.
pub(super) enum Order {
    /// Let those of a wave come whose turn it is in this thread.
    Open { wave: Wave, begin: Instant, turn: u32, of: u32 },
    /// Close all connections.
    Leave(oneshot::Sender<()>),
    /// Nobody reads any more.
    StopReading,
    /// Which local ports are in use?
    Ports(oneshot::Sender<Vec<u16>>),
    /// Give away the times.
    Take(oneshot::Sender<Box<Times>>),
    /// End the thread.
    End,
}

/// What the clients of a thread share.
pub(super) struct Stand {
    pub(super) port: u16,
    pub(super) guise: Rc<Guise>,
    pub(super) tally: Arc<Tally>,
    pub(super) times: RefCell<Times>,
    pub(super) buffer: RefCell<Vec<u8>>,
    pub(super) ports: RefCell<Vec<u16>>,
    pub(super) deaf: Cell<bool>,
}

/// When and how a client comes.
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) at: Instant,
    pub(super) gate: Arc<Semaphore>,
    pub(super) owed: u32,
}

impl Stand {
    pub(super) fn new(port: u16, guise: Guise, tally: Arc<Tally>) -> Self {
        Self {
            port,
            guise: Rc::new(guise),
            tally,
            times: RefCell::default(),
            buffer: RefCell::new(vec![0; BUFFER]),
            ports: RefCell::default(),
            deaf: Cell::new(false),
        }
    }

    /// Carries out orders until the end.
    pub(super) async fn run(self: Rc<Self>, mut orders: mpsc::UnboundedReceiver<Order>) {
        let stand = Rc::clone(&self);
        tokio::task::spawn_local(local::probe(move |late| stand.times.borrow_mut().lag.add(late)));
        let mut visits = JoinSet::new();
        while let Some(order) = orders.recv().await {
            match order {
                Order::Open { wave, begin, turn, of } => self.open(&mut visits, &wave, begin, turn, of),
                Order::Leave(done) => {
                    visits.shutdown().await;
                    self.ports.borrow_mut().clear();
                    let _ = done.send(());
                }
                Order::StopReading => self.deaf.set(true),
                Order::Ports(reply) => drop(reply.send(self.ports.borrow().clone())),
                Order::Take(reply) => drop(reply.send(Box::new(self.times.take()))),
                Order::End => break,
            }
        }
    }

    fn open(self: &Rc<Self>, visits: &mut JoinSet<()>, wave: &Wave, begin: Instant, turn: u32, of: u32) {
        let gate = Arc::new(Semaphore::new(wave.opening));
        let all = wave.numbers.len().max(1) as f64;
        for number in wave.numbers.clone().filter(|number| number % of == turn) {
            let at = begin + wave.within.mul_f64(f64::from(number - wave.numbers.start) / all);
            let entry = Entry { number, at, gate: Arc::clone(&gate), owed: wave.owed };
            visits.spawn_local(visitor::visit(Rc::clone(self), entry));
        }
    }
}
