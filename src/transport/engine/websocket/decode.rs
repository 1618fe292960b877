//! Frames from a client: any split, many at once, unmasked in place.

use std::ops::ControlFlow;

use super::Violation;
use super::frame::{Frame, Kind, Surroundings};
use super::partial::{Message, Partial};

/// Something whole from a client. It borrows from the read buffer, or from the decoder where it came in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// Wants a pong with the same payload, at most 125 bytes.
    Ping(&'a [u8]),
    /// Answers a ping, or comes unasked.
    Pong(&'a [u8]),
    /// The client ends the conversation; nothing comes after it.
    Close {
        /// Its code: one that may stand in a close frame (RFC 6455 §7.4), or none.
        code: Option<u16>,
        /// Its reason, often empty.
        reason: &'a str,
    },
}

/// Reads the frames of one client. Between whole messages it holds no memory of its own.
#[derive(Debug)]
pub struct Decoder {
    partial: Option<Box<Partial>>,
    max_payload: usize,
    stopped: bool,
}

impl Decoder {
    /// A decoder that refuses messages larger than `max_payload` bytes.
    #[must_use]
    pub fn new(max_payload: usize) -> Self {
        Self { partial: None, max_payload, stopped: false }
    }

    /// Takes what one receive brought, in whatever pieces, and calls `on` for each message and control frame
    /// that is complete. `bytes` are unmasked in place.
    ///
    /// `Break` means that reading is over: a close frame came, or `on` said so. From then on, and after an
    /// error, all bytes are ignored.
    ///
    /// # Errors
    /// [`Violation`], after `on` has seen all that came before it.
    pub fn read(
        &mut self,
        bytes: &mut [u8],
        on: &mut dyn FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Violation> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.stopped {
            match self.step(rest, on) {
                Ok((used, flow)) => {
                    self.stopped = flow.is_break();
                    rest = rest.split_at_mut(used).1;
                }
                Err(violation) => {
                    self.stopped = true;
                    self.partial = None;
                    return Err(violation);
                }
            }
        }
        if self.stopped {
            self.partial = None;
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Bytes of memory held for an unfinished head, frame or message; 0 between whole ones.
    #[must_use]
    pub fn held(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| {
            size_of::<Partial>()
                + partial.control.capacity()
                + partial.message.as_ref().map_or(0, |message| message.bytes.capacity())
        })
    }

    /// One head, or one stretch of payload. Says how many bytes it used: at least one.
    fn step(
        &mut self,
        rest: &mut [u8],
        on: &mut dyn FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<(usize, ControlFlow<()>), Violation> {
        if let Some(frame) = self.partial.as_mut().and_then(|partial| partial.frame.take()) {
            return self.payload(frame, rest, on);
        }
        let (frame, used) = self.head(rest)?;
        let Some(frame) = frame else { return Ok((used, ControlFlow::Continue(()))) };
        let (taken, flow) = self.payload(frame, rest.split_at_mut(used).1, on)?;
        Ok((used + taken, flow))
    }

    /// The head of a frame, or `None` when it is not complete yet and was kept.
    fn head(&mut self, rest: &[u8]) -> Result<(Option<Frame>, usize), Violation> {
        let message = self.partial.as_ref().and_then(|partial| partial.message.as_ref());
        let around = Surroundings {
            open: message.is_some(),
            room: self.max_payload - message.map_or(0, |message| message.bytes.len()),
        };
        let parse = |bytes: &[u8]| Frame::parse(bytes, around);
        if self.partial.as_ref().is_none_or(|partial| partial.head_len == 0)
            && let Some((frame, used)) = parse(rest)?
        {
            return Ok((Some(frame), used));
        }
        self.partial.get_or_insert_default().complete_head(rest, parse)
    }

    /// As much of a frame's payload as is there.
    fn payload(
        &mut self,
        mut frame: Frame,
        rest: &mut [u8],
        on: &mut dyn FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<(usize, ControlFlow<()>), Violation> {
        let taken = frame.missing.min(rest.len());
        let bytes = rest.split_at_mut(taken).0;
        frame.unmask(bytes);
        let flow = match frame.kind {
            Kind::Close | Kind::Ping | Kind::Pong => self.control(frame, bytes, on)?,
            Kind::Continuation | Kind::Text | Kind::Binary => self.data(frame, bytes, on)?,
        };
        if let Some(partial) = self.partial.as_mut() {
            partial.frame = (frame.missing > 0).then_some(frame);
            if partial.is_done() {
                self.partial = None;
            }
        }
        Ok((taken, flow))
    }

    /// A stretch of a control frame.
    fn control(
        &mut self,
        frame: Frame,
        bytes: &[u8],
        on: &mut dyn FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Violation> {
        if frame.missing > 0 {
            self.partial.get_or_insert_default().control.extend_from_slice(bytes);
            return Ok(ControlFlow::Continue(()));
        }
        match self.partial.as_mut().filter(|partial| !partial.control.is_empty()) {
            None => deliver_control(frame.kind, bytes, on),
            Some(partial) => {
                let mut whole = std::mem::take(&mut partial.control);
                whole.extend_from_slice(bytes);
                deliver_control(frame.kind, &whole, on)
            }
        }
    }

    /// A stretch of a data frame: delivered without a copy when it is a whole message.
    fn data(
        &mut self,
        frame: Frame,
        bytes: &[u8],
        on: &mut dyn FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Violation> {
        let text = frame.kind == Kind::Text;
        let last = frame.fin && frame.missing == 0;
        if last && self.partial.as_ref().is_none_or(|partial| partial.message.is_none()) {
            return deliver_data(text, bytes, on);
        }
        let partial = self.partial.get_or_insert_default();
        let message = partial.message.get_or_insert_with(|| Message::new(text));
        message.push(bytes, frame.missing)?;
        match partial.message.take_if(|_| last) {
            Some(message) => deliver_data(message.text, &message.bytes, on),
            None => Ok(ControlFlow::Continue(())),
        }
    }
}

fn deliver_data(
    text: bool,
    bytes: &[u8],
    on: &mut dyn FnMut(Incoming<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Violation> {
    if !text {
        return Ok(on(Incoming::Binary(bytes)));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Violation::NOT_UTF8)?;
    Ok(on(Incoming::Text(text)))
}

/// A whole control frame. A close always ends the reading.
fn deliver_control(
    kind: Kind,
    bytes: &[u8],
    on: &mut dyn FnMut(Incoming<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Violation> {
    match kind {
        Kind::Ping => Ok(on(Incoming::Ping(bytes))),
        Kind::Pong => Ok(on(Incoming::Pong(bytes))),
        _ => {
            let (code, reason) = closing(bytes)?;
            let _ = on(Incoming::Close { code, reason });
            Ok(ControlFlow::Break(()))
        }
    }
}

/// The body of a close frame (RFC 6455 §5.5.1).
fn closing(bytes: &[u8]) -> Result<(Option<u16>, &str), Violation> {
    match bytes {
        [] => Ok((None, "")),
        [_] => Err(Violation::protocol("a close code of one byte")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !may_be_sent(code) {
                return Err(Violation::protocol("a close code that must not be sent"));
            }
            let reason = std::str::from_utf8(reason).map_err(|_| Violation::NOT_UTF8)?;
            Ok((Some(code), reason))
        }
    }
}

/// Codes that may stand in a frame (RFC 6455 §7.4 and the IANA registry it founds: 1012 to 1014 came later).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
