//! One auth call: `GET authUrl`, and what its answer says.

use reqwest::header::{AUTHORIZATION, HeaderName};
use reqwest::{Method, Request, StatusCode};

use super::headers;
use super::trouble::Trouble;
use crate::domain::{Site, WebserviceSite};
use crate::protocol::Credentials;
use crate::protocol::outgoing::{CallError, Outgoing, address, read};

const X_META: HeaderName = HeaderName::from_static("x-meta");

/// The request that asks `site` who brings these credentials.
pub(super) fn request(site: &Site, credentials: &Credentials) -> Result<Request, Trouble> {
    let service = service(site)?;
    let authorization = headers::authorization(&service.auth_scheme, credentials.token.as_ref())
        .map_err(|_| Trouble::BadToken)?;
    let meta = credentials.meta.as_deref().map(headers::meta).transpose().map_err(|_| Trouble::BadMeta)?;
    let mut request = Request::new(Method::GET, address(&service.auth_url)?);
    request.headers_mut().insert(AUTHORIZATION, authorization);
    if let Some(meta) = meta {
        request.headers_mut().insert(X_META, meta);
    }
    Ok(request)
}

/// Where its server is. The composition root gives this protocol no sites that speak another.
pub(super) fn service(site: &Site) -> Result<&WebserviceSite, CallError> {
    site.webservice().ok_or_else(|| CallError::Address("the site has no authUrl".to_owned()))
}

/// Sends `request` and reads at most `limit` bytes of its answer.
pub(super) async fn ask(outgoing: &Outgoing, request: Request, limit: usize) -> Result<Vec<String>, Trouble> {
    let again = request.try_clone();
    let response = match (outgoing.send(request).await, again) {
        // Most often a kept connection that the site was just closing. Clients do not come back by themselves
        // after a refusal, so it is worth a second connection.
        (Err(CallError::Broken(_)), Some(again)) => outgoing.send(again).await?,
        (outcome, _) => outcome?,
    };
    match response.status() {
        StatusCode::OK => rooms(&read(response, limit).await?),
        status => Err(Trouble::of_status(status)),
    }
}

/// Reads the body of a 200.
pub(super) fn rooms(body: &[u8]) -> Result<Vec<String>, Trouble> {
    // `fetch` skips a byte order mark; some frameworks send one.
    let json = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    serde_json::from_slice(json).map_err(|error| {
        // The error's own text would quote from the body.
        Trouble::Malformed(format!("{:?} error in line {}", error.classify(), error.line()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_array_of_strings_is_an_answer() {
        assert_eq!(rooms(br#"["user_1","staff"]"#).unwrap(), ["user_1", "staff"]);
        assert_eq!(rooms(b"\xEF\xBB\xBF [] ").unwrap(), Vec::<String>::new());
        for bad in ["", "null", "{}", "\"user_1\"", "[1]", "[\"a\",null]", "[\"a\"", "[] []", "<h1>"] {
            assert!(matches!(rooms(bad.as_bytes()), Err(Trouble::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn the_log_does_not_quote_the_body() {
        let Err(trouble) = rooms(br#"["a", {"password":"hunter2"}]"#) else { panic!("taken") };
        let Err(other) = rooms(br#""hunter2""#) else { panic!("taken") };
        assert!(!trouble.to_string().contains("hunter2") && !other.to_string().contains("hunter2"));
    }

    #[test]
    fn an_address_that_cannot_be_called_is_a_fault_of_the_site() {
        for bad in ["", "auth", "ftp://127.0.0.1/", "data:text/plain,[]"] {
            let mut site = Site::sample("demo");
            site.webservice_mut().unwrap().auth_url = bad.to_owned();
            let credentials = Credentials { token: None, meta: None };
            assert!(
                matches!(request(&site, &credentials), Err(Trouble::Call(CallError::Address(_)))),
                "{bad}"
            );
        }
    }
}
