//! A TCP proxy that cuts, stalls, delays and throttles.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// Brings connections to a port of this machine, on a thread of its own.
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    /// Dropped, it ends the thread.
    _end: oneshot::Sender<()>,
}

#[derive(Clone, Copy, Default)]
struct State {
    stalled: bool,
    refusing: bool,
    delay: Duration,
    /// Bytes a second, in each direction of each connection; zero: as many as there are.
    throttle: usize,
    /// Counts up with each cut: of every connection with an even number, and with an odd one.
    cuts: [u64; 2],
    /// How long after the cut the bytes on their way reach the server; zero: they do not.
    late: Duration,
}

impl Proxy {
    /// A proxy in front of this port.
    pub fn start(to: u16) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, watched) = watch::channel(State::default());
        let (end, ended) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), to, watched) => {}
                    _ = ended => {}
                }
            });
        });
        Self { port, state, _end: end }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections; what was on its way is gone.
    pub fn cut(&self) {
        self.cut_late(Duration::ZERO);
    }

    /// Ends all connections for those who made them, while what they had sent (as during a stall) reaches the server
    /// this much later.
    pub fn cut_late(&self, late: Duration) {
        self.state.send_modify(|state| {
            state.cuts = state.cuts.map(|cuts| cuts + 1);
            state.late = late;
        });
    }

    /// Ends every second connection: those with an even number, or those with an odd one.
    pub fn cut_half(&self, odd: bool) {
        self.state.send_modify(|state| {
            state.cuts[usize::from(odd)] += 1;
            state.late = Duration::ZERO;
        });
    }

    /// Nothing moves any more, in either direction; new connections are accepted, and stand still too.
    pub fn stall(&self) {
        self.state.send_modify(|state| state.stalled = true);
    }

    /// Ends a stall: what was held goes on.
    pub fn resume(&self) {
        self.state.send_modify(|state| state.stalled = false);
    }

    /// Holds every piece for this long, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = delay);
    }

    /// So many bytes a second at most, in each direction of each connection; zero: as many as there are.
    pub fn throttle(&self, bytes: usize) {
        self.state.send_modify(|state| state.throttle = bytes);
    }

    /// Cuts, and closes every new connection at once, until `accept`.
    pub fn refuse(&self) {
        self.state.send_modify(|state| state.refusing = true);
        self.cut();
    }

    pub fn accept(&self) {
        self.state.send_modify(|state| state.refusing = false);
    }
}

async fn accept(listener: TcpListener, to: u16, state: watch::Receiver<State>) {
    let mut odd = false;
    loop {
        let Ok((near, _)) = listener.accept().await else { continue };
        if !state.borrow().refusing {
            odd = !odd;
            tokio::spawn(carry(near, to, odd, state.clone()));
        }
    }
}

async fn carry(near: TcpStream, to: u16, odd: bool, state: watch::Receiver<State>) {
    let half = usize::from(odd);
    let cuts = state.borrow().cuts[half];
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let there = Pump { from: near_in, to: far_out, state: state.clone(), half, cuts, may_be_late: true };
    let back = Pump { from: far_in, to: near_out, state, half, cuts, may_be_late: false };
    tokio::join!(there.run(), back.run());
}

/// One direction of one connection.
struct Pump {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    state: watch::Receiver<State>,
    /// Which half of the connections it belongs to, and how many cuts of it there were when the connection was made.
    half: usize,
    cuts: u64,
    may_be_late: bool,
}

impl Pump {
    async fn run(mut self) {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let room = self.piece().min(buffer.len());
            let read = tokio::select! {
                biased;
                () = is_cut(&mut self.state, self.half, self.cuts) => return,
                read = self.from.read(&mut buffer[..room]) => read.unwrap_or(0),
            };
            if read == 0 {
                break;
            }
            if !self.passes(read).await {
                return self.late(buffer[..read].to_vec()).await;
            }
            if self.to.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        let _ = self.to.shutdown().await;
    }

    /// How many bytes go on together: those of a twentieth of a second.
    fn piece(&self) -> usize {
        match self.state.borrow().throttle {
            0 => usize::MAX,
            bytes => (bytes / 20).max(1),
        }
    }

    /// Waits as long as a piece is held up; false when it is cut off meanwhile.
    async fn passes(&mut self, bytes: usize) -> bool {
        let delay = {
            let state = self.state.borrow();
            let rate = (state.throttle > 0).then_some(state.throttle as f64);
            state.delay + Duration::from_secs_f64(rate.map_or(0.0, |rate| bytes as f64 / rate))
        };
        let mut state = self.state.clone();
        let passing = async {
            tokio::time::sleep(delay).await;
            let _ = state.wait_for(|state| !state.stalled).await;
        };
        tokio::select! {
            biased;
            () = is_cut(&mut self.state, self.half, self.cuts) => false,
            () = passing => true,
        }
    }

    /// Brings to the server what was on its way when the connection was cut.
    async fn late(self, mut bytes: Vec<u8>) {
        let Self { from, mut to, state, may_be_late, .. } = self;
        let late = state.borrow().late;
        if !may_be_late || late.is_zero() {
            return;
        }
        let mut more = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from.try_read(&mut more) {
            bytes.extend_from_slice(&more[..read]);
        }
        drop(from);
        tokio::time::sleep(late).await;
        let _ = to.write_all(&bytes).await;
        let _ = to.shutdown().await;
    }
}

async fn is_cut(state: &mut watch::Receiver<State>, half: usize, cuts: u64) {
    if state.wait_for(|state| state.cuts[half] != cuts).await.is_err() {
        // The proxy is gone, and this runtime with it.
        std::future::pending::<()>().await;
    }
}
