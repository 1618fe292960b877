//! Socket.IO: `/` and `/custom`, which tell what they were joined with and send back what they get.

use std::rc::Rc;

use postroom::domain::WorkerId;
use postroom::transport::engine::{Application, Fault, Sid};
use postroom::transport::socketio::{Member, Namespaces, Offer, Said, Socket, SocketIo, Standing};

pub fn application() -> Rc<dyn Application> {
    Rc::new(SocketIo::new(Rc::new(Echo), 1_000_000))
}

struct Echo;

struct EchoMember(Socket);

impl Namespaces for Echo {
    fn enter(&self, socket: Socket, _: &Rc<Offer>, auth: Option<&str>) -> Option<Rc<dyn Member>> {
        if !["/", "/custom"].contains(&socket.namespace()) {
            return None;
        }
        socket.accept(Sid::random(WorkerId(0)).as_str());
        socket.emit(&format!(r#"["auth",{}]"#, auth.unwrap_or("{}")), &[]);
        Some(Rc::new(EchoMember(socket)))
    }
}

impl Member for EchoMember {
    fn standing(&self) -> Standing {
        Standing::Joined
    }

    fn event(&self, said: Said<'_>) -> Result<(), Fault> {
        if let Some(rest) = said.json.strip_prefix(r#"["message","#) {
            self.0.emit(&format!(r#"["message-back",{rest}"#), said.attachments);
        }
        if let (Some(rest), Some(id)) = (said.json.strip_prefix(r#"["message-with-ack","#), said.id) {
            self.0.acknowledge(id, &format!("[{rest}"), said.attachments);
        }
        Ok(())
    }

    fn ack(&self, _: Said<'_>) {}
}
