//! The body of a request, whole.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use actix_web::body::{BodyStream, MessageBody};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::rt::time::timeout;
use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{Error, FromRequest, HttpRequest};

/// Up to this length a body is taken in the pieces in which it came, mostly one; actix copies every body into a buffer
/// that is larger than most are.
const SMALL: usize = 16 << 10;

/// How much of a body that is too long is read, and for how long, before that is said: a proxy that is still sending when
/// the connection is closed tells its own client nothing but 502.
const LINGER: usize = 16 << 20;
const LINGER_FOR: Duration = Duration::from_secs(2);

/// Reads the body, decompressed, up to `limit`, which must be that of its resource.
pub(super) async fn read(request: &HttpRequest, payload: web::Payload, limit: usize) -> Result<Bytes, Error> {
    if is_plain(request, limit.min(SMALL)) {
        return pieces(payload).await;
    }
    if announced(request).is_some_and(|length| length > limit) {
        // What is wrong with the rest of it does not matter any more.
        let _ = timeout(LINGER_FOR, let_pass(payload)).await;
        return Err(PayloadError::Overflow.into());
    }
    Bytes::from_request(request, &mut payload.into_inner()).await
}

async fn let_pass(payload: web::Payload) -> Result<(), Error> {
    let (mut body, mut left) = (pin!(BodyStream::new(payload)), LINGER);
    while left > 0
        && let Some(piece) = poll_fn(|cx| body.as_mut().poll_next(cx)).await.transpose()?
    {
        left = left.saturating_sub(piece.len());
    }
    Ok(())
}

fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the body is as long as announced, and that at most so long.
fn is_plain(request: &HttpRequest, most: usize) -> bool {
    let headers = request.headers();
    let coded =
        || [header::CONTENT_ENCODING, header::TRANSFER_ENCODING].iter().any(|by| headers.contains_key(by));
    announced(request).is_some_and(|length| length <= most) && !coded()
}

async fn pieces(payload: web::Payload) -> Result<Bytes, Error> {
    let mut body = pin!(BodyStream::new(payload));
    let Some(first) = poll_fn(|cx| body.as_mut().poll_next(cx)).await.transpose()? else {
        return Ok(Bytes::new());
    };
    let mut whole = BytesMut::new();
    while let Some(next) = poll_fn(|cx| body.as_mut().poll_next(cx)).await.transpose()? {
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&next);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use actix_web::dev::Payload;
    use actix_web::test::TestRequest;

    use super::*;
    use crate::api::ApiOptions;

    type Pieces = Vec<Result<&'static str, PayloadError>>;

    fn request(headers: &[(&'static str, &'static str)]) -> HttpRequest {
        let request =
            TestRequest::post().app_data(ApiOptions { send_limit: 100, batch_limit: 100, batch_items: 10 });
        headers.iter().fold(request, |request, header| request.insert_header(*header)).to_http_request()
    }

    async fn read_pieces(pieces: Pieces, headers: &[(&'static str, &'static str)]) -> Result<Bytes, Error> {
        let pieces = pieces.into_iter().map(|piece| piece.map(|text| Bytes::from_static(text.as_bytes())));
        let mut payload: Payload = Payload::Stream { payload: Box::pin(futures_util::stream::iter(pieces)) };
        let request = request(headers);
        let payload = web::Payload::from_request(&request, &mut payload).await?;
        read(&request, payload, 100).await
    }

    #[actix_web::test]
    async fn a_small_body_is_whole_in_however_many_pieces_it_came() {
        for (pieces, whole) in
            [(vec![], ""), (vec!["{}"], "{}"), (vec!["", "{\"a\"", "", ":", "1}"], "{\"a\":1}")]
        {
            let pieces = pieces.into_iter().map(Ok).collect();
            assert_eq!(read_pieces(pieces, &[("content-length", "7")]).await.unwrap(), whole);
        }
    }

    #[actix_web::test]
    async fn a_body_that_ends_too_early_is_none() {
        for cut in
            [vec![Err(PayloadError::Incomplete(None))], vec![Ok("{}"), Err(PayloadError::Incomplete(None))]]
        {
            let error = read_pieces(cut, &[("content-length", "7")]).await.unwrap_err();
            assert!(matches!(error.as_error(), Some(PayloadError::Incomplete(_))), "{error}");
        }
    }

    #[actix_web::test]
    async fn a_body_that_is_too_long_is_read_before_that_is_said() {
        let (left, pieces) = (Rc::new(Cell::new(3)), "0123456789".repeat(10));
        let counted = Rc::clone(&left);
        let stream = futures_util::stream::iter((0..3).map(move |_| {
            counted.set(counted.get() - 1);
            Ok(Bytes::from(pieces.clone()))
        }));
        let request = request(&[("content-length", "300")]);
        let mut payload: Payload = Payload::Stream { payload: Box::pin(stream) };
        let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
        let error = read(&request, payload, 100).await.unwrap_err();
        assert!(matches!(error.as_error(), Some(PayloadError::Overflow)), "{error}");
        assert_eq!(left.get(), 0);
    }

    #[test]
    fn only_what_is_as_long_as_announced_is_taken_as_it_comes() {
        let plain = |headers: &[_]| is_plain(&request(headers), 100);
        assert!(plain(&[("content-length", "100")]));
        assert!(!plain(&[("content-length", "101")]));
        assert!(!plain(&[("content-length", "-1")]));
        assert!(!plain(&[]));
        assert!(!plain(&[("content-length", "9"), ("content-encoding", "gzip")]));
        assert!(!plain(&[("content-length", "9"), ("transfer-encoding", "chunked")]));
    }
}
