//! The socketioxide server behind axum, doing what `../node/sites.mjs` does: `/send` into rooms of sites of kind `plain`
//! and `acked`. PORT, `API_KEY` and SITES ("name:kind name:kind") are in the environment.

mod acked;

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};

use acked::Acked;

/// What a client shows when it connects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ticket {
    token: String,
    device_id: String,
}

impl Ticket {
    /// The generator's clients: token `t<n>` is user n.
    fn user_room(&self) -> String {
        format!("user_{}", self.token.trim_start_matches('t'))
    }
}

/// The body of `/send`. The benchmark always sends two arguments; a tuple is what socketioxide spreads.
#[derive(Deserialize)]
struct Message {
    rooms: Vec<String>,
    event: String,
    args: (Value, Value),
}

enum Site {
    Plain(String),
    Acked(Arc<Acked>),
}

struct Gateway {
    io: SocketIo,
    key: String,
    sites: HashMap<String, Site>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, io) = SocketIo::builder()
        .ping_interval(Duration::from_secs(25))
        .ping_timeout(Duration::from_secs(20))
        // What does not fit is dropped in silence; 128 is the default.
        .max_buffer_size(4096)
        // An acknowledgement that comes later is lost; 5 s is the default.
        .ack_timeout(Duration::from_mins(1))
        .build_layer();
    let mut sites = HashMap::new();
    for entry in std::env::var("SITES")?.split(' ') {
        let (name, kind) = entry.split_once(':').ok_or("SITES is name:kind")?;
        sites.insert(name.to_owned(), open_site(&io, name, kind));
    }
    let gateway = Arc::new(Gateway { io, key: std::env::var("API_KEY")?, sites });
    let app = Router::new()
        .route("/send", post(send))
        .route("/", get(async || "ready"))
        .layer(layer)
        .with_state(gateway);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", std::env::var("PORT")?.parse()?)).await?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::select! {
        served = async { axum::serve(listener, app).await } => served?,
        () = terminated() => {}
    }
    Ok(())
}

async fn terminated() {
    if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        signal.recv().await;
    }
}

fn open_site(io: &SocketIo, name: &str, kind: &str) -> Site {
    let path = format!("/{name}");
    if kind == "acked" {
        let site = Arc::new(Acked::default());
        let entering = Arc::clone(&site);
        io.ns(path, async move |socket: SocketRef, Data(ticket): Data<Ticket>| {
            settled(&socket);
            entering.enter(&socket, &ticket);
        });
        return Site::Acked(site);
    }
    io.ns(path.clone(), async |socket: SocketRef, Data(ticket): Data<Ticket>| {
        socket.join([ticket.user_room(), "all".to_owned()]);
        settled(&socket);
    });
    Site::Plain(path)
}

fn settled(socket: &SocketRef) {
    let _ = socket.emit("_settings", &serde_json::json!({"device_ttl": 3600}));
}

async fn send(
    State(gateway): State<Arc<Gateway>>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let site = query.get("site").and_then(|name| gateway.sites.get(name));
    let (Some(site), true) = (site, query.get("apiKey") == Some(&gateway.key)) else {
        return (StatusCode::UNAUTHORIZED, "ApiKey invalid.");
    };
    let Ok(message) = serde_json::from_slice::<Message>(&body) else {
        return (StatusCode::BAD_REQUEST, "The body is not a message.");
    };
    match site {
        Site::Acked(site) => site.send(message),
        Site::Plain(path) => {
            let Some(namespace) = gateway.io.of(path) else {
                return (StatusCode::INTERNAL_SERVER_ERROR, "The site is gone.");
            };
            // An error names the sockets whose buffer was full; the generator counts what is missing.
            let _ = namespace.to(message.rooms).emit(&message.event, &message.args).await;
        }
    }
    (StatusCode::OK, "OK")
}
