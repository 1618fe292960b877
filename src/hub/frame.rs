//! Frames: bytes made once and shared by every link of a worker that sends them.

/// Where a packet stands inside of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Offset of its first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
    /// A binary attachment rather than text.
    pub binary: bool,
}

/// One packet of a frame, as carriers other than WebSocket frame it themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// A binary attachment rather than text.
    pub binary: bool,
    /// The packet without any framing.
    pub bytes: &'a [u8],
}

/// One or several packets, framed for a WebSocket, with the places where they stand for all other carriers.
#[derive(Debug, Default)]
pub struct Frame {
    bytes: Vec<u8>,
    spans: Spans,
}

/// Most frames hold a single packet, which needs no list.
#[derive(Debug, Default)]
enum Spans {
    #[default]
    None,
    One(Span),
    Many(Vec<Span>),
}

impl Frame {
    /// A frame of these bytes without packets: it means nothing to carriers other than WebSocket.
    #[must_use]
    pub fn control(bytes: Vec<u8>) -> Self {
        Self { bytes, spans: Spans::None }
    }

    /// Adds framed bytes that hold one packet at `span`, counted from the beginning of the frame.
    pub fn push(&mut self, append: impl FnOnce(&mut Vec<u8>) -> Span) {
        let span = append(&mut self.bytes);
        self.spans = match std::mem::take(&mut self.spans) {
            Spans::None => Spans::One(span),
            Spans::One(first) => Spans::Many(vec![first, span]),
            Spans::Many(mut all) => {
                all.push(span);
                Spans::Many(all)
            }
        };
    }

    /// The bytes, framed for a WebSocket.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes it weighs in an outbox.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The packets in it, in order.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> + Clone {
        let spans = match &self.spans {
            Spans::None => &[][..],
            Spans::One(span) => std::slice::from_ref(span),
            Spans::Many(spans) => spans,
        };
        spans.iter().filter_map(|span| {
            let start = span.start as usize;
            let bytes = self.bytes.get(start..start + span.len as usize)?;
            Some(Packet { binary: span.binary, bytes })
        })
    }
}
