//! Engine.IO: every message comes back.

use std::rc::Rc;

use postroom::hub::Frame;
use postroom::transport::engine::{
    Application, Connection, Conversation, Fault, Handshake, binary_packet, text_packet,
};

pub fn application() -> Rc<dyn Application> {
    Rc::new(Echo)
}

struct Echo;

struct EchoTalk(Rc<Connection>);

impl Application for Echo {
    fn open(&self, connection: &Rc<Connection>, _: Handshake) -> Rc<dyn Conversation> {
        Rc::new(EchoTalk(Rc::clone(connection)))
    }
}

impl Conversation for EchoTalk {
    fn text(&self, text: &str) -> Result<(), Fault> {
        let mut frame = Frame::default();
        text_packet(&mut frame, |out| {
            out.push(b'4');
            out.extend_from_slice(text.as_bytes());
        });
        self.0.send(Rc::new(frame));
        Ok(())
    }

    fn binary(&self, bytes: &[u8]) -> Result<(), Fault> {
        let mut frame = Frame::default();
        binary_packet(&mut frame, self.0.protocol(), bytes);
        self.0.send(Rc::new(frame));
        Ok(())
    }

    fn is_settled(&self) -> bool {
        true
    }

    fn closed(&self) {}
}
