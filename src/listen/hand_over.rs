//! The hand-over of a WebSocket: checked here, carried by the engine.

use std::rc::Rc;

use actix_codec::{AsyncRead, AsyncWrite, Framed};
use actix_http::h1::Codec;
use actix_http::header::{self, HeaderName};
use actix_http::{Request, ws};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use crate::transport::engine::{self, Arriving, Engine, Entrance, Refused, Stream};

/// Takes over every request that wants to become something else. Middleware of the application has not seen it.
pub(super) async fn hand_over<S: AsyncRead + AsyncWrite + Unpin + Into<Stream>>(
    engine: Rc<Engine>,
    door: Entrance,
    request: Request,
    framed: Framed<S, Codec>,
) -> Result<(), actix_web::Error> {
    let parts = framed.into_parts();
    let (mut stream, mut head) = (parts.io, parts.write_buf.to_vec());
    // A few bytes at most: copied, so that the two buffers of the HTTP server are given back now.
    let early = Bytes::copy_from_slice(&parts.read_buf);
    drop((parts.read_buf, parts.write_buf));
    match check(&engine, door, &request) {
        Ok((accepted, accept)) => {
            head.extend(engine::socket_head(&accept));
            engine.accept(accepted, Arriving { stream: stream.into(), head, early });
            Ok(())
        }
        Err(refused) => {
            head.extend(refused.to_http());
            stream.write_all(&head).await?;
            Ok(stream.shutdown().await?)
        }
    }
}

/// The value of `Sec-WebSocket-Accept`.
type Accept = [u8; 28];

fn check(engine: &Engine, door: Entrance, request: &Request) -> Result<(engine::Accepted, Accept), Refused> {
    let nothing = Refused { status: 404, body: r#"{"message":"Nothing here speaks WebSocket"}"# };
    let entrance = engine.entrance(door, request.path()).ok_or(nothing)?;
    let bad = Refused { status: 400, body: r#"{"code":3,"message":"Bad request"}"# };
    ws::verify_handshake(request.head()).map_err(|_| bad)?;
    let key = request.head().headers().get(header::SEC_WEBSOCKET_KEY).ok_or(bad)?;
    let accepted = engine.check(engine::Request {
        entrance,
        query: request.uri().query().unwrap_or_default(),
        origin: text(request, header::ORIGIN),
        authorization: text(request, header::AUTHORIZATION),
        header: &|name| request.head().headers().get(name)?.to_str().ok(),
    })?;
    Ok((accepted, ws::hash_key(key.as_bytes())))
}

fn text(request: &Request, name: HeaderName) -> Option<&str> {
    request.head().headers().get(name)?.to_str().ok()
}
