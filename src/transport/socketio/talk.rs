//! The conversation on one connection: packets to and from its namespaces.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;

use super::namespace::{Member, Namespaces, Said, Socket, Standing};
use super::offer::Offer;
use super::packet::{self, AttachmentLimits, BinaryPacket, Opened, Packet, Reassembly};
use crate::transport::engine::{Application, Connection, Conversation, Fault, Handshake, Protocol};

/// Namespaces that one connection may be in, or ask for, at a time.
const MAX_NAMESPACES: usize = 64;
/// How often one connection may ask for a namespace that it is not let into, or does not wait for: each may cost its site a call.
const MAX_REFUSALS: u32 = 100;

/// Socket.IO, as an application of the engine.
pub struct SocketIo {
    namespaces: Rc<dyn Namespaces>,
    max_payload: usize,
}

impl SocketIo {
    /// Socket.IO with these namespaces; the attachments of one packet may have `max_payload` bytes together.
    #[must_use]
    pub fn new(namespaces: Rc<dyn Namespaces>, max_payload: usize) -> Self {
        Self { namespaces, max_payload }
    }
}

impl Application for SocketIo {
    fn open(&self, connection: &Rc<Connection>, handshake: Handshake) -> Rc<dyn Conversation> {
        let talk = Rc::new(Talk {
            connection: Rc::clone(connection),
            namespaces: Rc::clone(&self.namespaces),
            offer: Rc::new(Offer::new(handshake)),
            max_payload: self.max_payload,
            spaces: RefCell::default(),
            refusals: Cell::new(0),
            reassembly: RefCell::default(),
        });
        if connection.protocol() == Protocol::V3 {
            // Clients of protocol 4 are in the root namespace without asking.
            talk.join("/", None);
        }
        talk
    }
}

/// One connection's conversation.
struct Talk {
    connection: Rc<Connection>,
    namespaces: Rc<dyn Namespaces>,
    offer: Rc<Offer>,
    max_payload: usize,
    spaces: RefCell<Vec<Space>>,
    refusals: Cell<u32>,
    /// Exists only while a packet waits for its attachments.
    reassembly: RefCell<Option<Box<Reassembly>>>,
}

/// A namespace that the client is in, or asks for.
struct Space {
    namespace: Rc<str>,
    member: Rc<dyn Member>,
}

impl Conversation for Talk {
    fn text(&self, text: &str) -> Result<(), Fault> {
        if self.reassembly.borrow().is_some() {
            return Err(Fault("text where an attachment was due"));
        }
        match packet::parse(text).map_err(malformed)? {
            Packet::Connect { namespace, query, auth, .. } => self.connect(namespace, query, auth),
            Packet::Disconnect { namespace } => self.leave(namespace),
            Packet::Event { namespace, id, json } => {
                let said = Said { id, json, attachments: &[] };
                self.with_member(namespace, |member| member.event(said))
            }
            Packet::Ack { namespace, id, json } => {
                let said = Said { id: Some(id), json, attachments: &[] };
                self.with_member(namespace, |member| {
                    member.ack(said);
                    Ok(())
                })
            }
            Packet::Binary => self.open_binary(text),
        }
    }

    fn binary(&self, bytes: &[u8]) -> Result<(), Fault> {
        let whole = {
            let mut reassembly = self.reassembly.borrow_mut();
            let waiting = reassembly.as_mut().ok_or(Fault("an attachment that belongs to nothing"))?;
            let whole = waiting.add(bytes).map_err(malformed)?;
            if whole.is_some() {
                *reassembly = None;
            }
            whole
        };
        whole.map_or(Ok(()), |packet| self.binary_packet(&packet))
    }

    fn heartbeat(&self) {
        for member in self.members() {
            member.heartbeat();
        }
    }

    fn is_settled(&self) -> bool {
        self.spaces.borrow().iter().any(|space| space.member.standing() == Standing::Joined)
    }

    fn closed(&self) {
        let spaces = std::mem::take(&mut *self.spaces.borrow_mut());
        drop(spaces);
        *self.reassembly.borrow_mut() = None;
    }
}

impl Talk {
    fn connect(&self, namespace: &str, query: Option<&str>, auth: Option<&str>) -> Result<(), Fault> {
        let member = self.member(namespace);
        match member.as_ref().map(|member| (member, member.standing())) {
            Some((member, Standing::Pending | Standing::Joined | Standing::Guest)) => return member.again(),
            Some((_, Standing::Refused)) => {
                self.spaces.borrow_mut().retain(|space| &*space.namespace != namespace);
                self.count_refusal()?;
            }
            None => {}
        }
        if self.spaces.borrow().len() >= MAX_NAMESPACES {
            return Err(Fault("too many namespaces"));
        }
        // Clients of protocol 4 have no auth payload, but may add a query to the namespace.
        let from_query = query.map(query_as_json);
        if self.join(namespace, auth.or(from_query.as_deref())) { Ok(()) } else { self.count_refusal() }
    }

    fn count_refusal(&self) -> Result<(), Fault> {
        self.refusals.set(self.refusals.get() + 1);
        if self.refusals.get() > MAX_REFUSALS { Err(Fault("refused too often")) } else { Ok(()) }
    }

    /// False where there is no such namespace.
    fn join(&self, namespace: &str, auth: Option<&str>) -> bool {
        let namespace: Rc<str> = namespace.into();
        let socket = Socket::new(Rc::clone(&self.connection), Rc::clone(&namespace));
        let Some(member) = self.namespaces.enter(socket.clone(), &self.offer, auth) else {
            socket.refuse("Invalid namespace");
            return false;
        };
        let mut spaces = self.spaces.borrow_mut();
        // Nearly all clients are in one namespace.
        spaces.reserve_exact(1);
        spaces.push(Space { namespace, member });
        true
    }

    fn leave(&self, namespace: &str) -> Result<(), Fault> {
        let was_settled = self.is_settled();
        let left: Vec<Space> =
            self.spaces.borrow_mut().extract_if(.., |space| &*space.namespace == namespace).collect();
        let was_pending = left.iter().any(|space| space.member.standing() == Standing::Pending);
        drop(left);
        // Where it was not settled before, the time runs already.
        if was_settled && !self.is_settled() {
            self.connection.await_settling();
        }
        // Its site was asked, and the answer not waited for: that is as good as a refusal.
        if was_pending { self.count_refusal() } else { Ok(()) }
    }

    fn member(&self, namespace: &str) -> Option<Rc<dyn Member>> {
        let spaces = self.spaces.borrow();
        spaces.iter().find(|space| &*space.namespace == namespace).map(|space| Rc::clone(&space.member))
    }

    fn members(&self) -> Vec<Rc<dyn Member>> {
        self.spaces.borrow().iter().map(|space| Rc::clone(&space.member)).collect()
    }

    /// Old clients may speak to a namespace that they have just left; the others are held to the protocol.
    fn with_member(
        &self,
        namespace: &str,
        work: impl FnOnce(&dyn Member) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match self.member(namespace) {
            Some(member) => work(&*member),
            None if self.connection.protocol() == Protocol::V3 => Ok(()),
            None => Err(Fault("a packet for a namespace that was not joined")),
        }
    }

    fn open_binary(&self, text: &str) -> Result<(), Fault> {
        let limits = AttachmentLimits { bytes: self.max_payload, ..AttachmentLimits::default() };
        match Reassembly::open(text, limits).map_err(malformed)? {
            Opened::Whole(packet) => self.binary_packet(&packet),
            Opened::Waiting(waiting) => {
                *self.reassembly.borrow_mut() = Some(waiting);
                Ok(())
            }
        }
    }

    fn binary_packet(&self, packet: &BinaryPacket) -> Result<(), Fault> {
        let attachments: &[Bytes] = &packet.attachments;
        let said = Said { id: packet.id, json: &packet.json, attachments };
        self.with_member(&packet.namespace, |member| {
            if !packet.is_ack {
                return member.event(said);
            }
            member.ack(said);
            Ok(())
        })
    }
}

fn query_as_json(query: &str) -> String {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let object: serde_json::Map<String, serde_json::Value> =
        pairs.map(|(key, value)| (key.into_owned(), value.into_owned().into())).collect();
    serde_json::Value::Object(object).to_string()
}

fn malformed(malformed: packet::Malformed) -> Fault {
    match malformed {
        packet::Malformed::Type => Fault("unknown packet type"),
        packet::Malformed::Namespace => Fault("the namespace is too long"),
        packet::Malformed::Id => Fault("wrong acknowledgement id"),
        packet::Malformed::Payload => Fault("wrong payload"),
        packet::Malformed::Attachments => Fault("wrong or too many attachments"),
        packet::Malformed::Late => Fault("the attachments came too late"),
        packet::Malformed::Unexpected => Fault("an attachment that belongs to nothing"),
    }
}
