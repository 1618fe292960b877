//! What goes out with an auth call, and what becomes of each kind of answer.

use super::*;
use crate::support::site_server::Reply;

/// What a client is told when its site answers `reply`.
async fn told(reply: Reply) -> Refusal {
    let server = SiteServer::start(move |_, _| reply.clone()).await;
    ask(&webservice(), &Arc::new(site(&server)), "t").await.expect_err("must be refused")
}

fn down(what: &str) -> Refusal {
    Refusal { text: format!("Service unavailable: the site's auth server {what}"), transient: true }
}

fn no(text: &str) -> Refusal {
    Refusal { text: text.to_owned(), transient: false }
}

#[tokio::test]
async fn the_request_is_that_of_the_original() {
    let server = SiteServer::start(|_, _| Reply::json(200, r#"["user_1","staff"]"#)).await;
    let webservice = webservice();
    let call = webservice.authorize(site(&server).into(), credentials(Some("tök en"), Some("appName:x|é")));
    assert_eq!(call.await.unwrap(), ["user_1", "staff"]);
    let seen = server.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/auth?app=1"));
    assert_eq!(seen.header("authorization").as_deref(), Some("Bearer tök en"));
    assert_eq!(seen.header("x-meta").as_deref(), Some("appName:x|é"));
    assert_eq!(seen.header("accept").as_deref(), Some("*/*"));
    let agent = concat!("postroom/", env!("CARGO_PKG_VERSION"));
    assert_eq!(seen.header("user-agent").as_deref(), Some(agent));
    assert_eq!(seen.header("host"), Some(format!("127.0.0.1:{}", server.port)));
    let mut names: Vec<&str> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "host", "user-agent", "x-meta"]);
    assert!(seen.body.is_empty());
}

#[tokio::test]
async fn absent_and_empty_are_told_apart() {
    let server = SiteServer::start(|_, _| Reply::json(200, r#"["browse"]"#)).await;
    let (webservice, site) = (webservice(), Arc::new(site(&server)));
    for (token, meta) in [(None, None), (Some(""), Some("")), (Some("undefined"), Some("undefined"))] {
        webservice.authorize(Arc::clone(&site), credentials(token, meta)).await.unwrap();
    }
    let sent: Vec<_> =
        server.seen().iter().map(|seen| (seen.header("authorization"), seen.header("x-meta"))).collect();
    let sent: Vec<_> = sent.iter().map(|(auth, meta)| (auth.as_deref(), meta.as_deref())).collect();
    let undefined = Some("Bearer undefined");
    assert_eq!(sent, [(undefined, None), (Some("Bearer"), Some("")), (undefined, Some("undefined"))]);
}

#[tokio::test]
async fn what_cannot_go_into_a_header_is_refused_without_a_call() {
    let server = SiteServer::start(|_, _| Reply::json(200, "[]")).await;
    let (webservice, site) = (webservice(), Arc::new(site(&server)));
    let ask = |token, meta| webservice.authorize(Arc::clone(&site), credentials(token, meta));
    let token = ask(Some("a\r\nx-admin: 1"), None).await;
    assert_eq!(token, Err(no("Auth error: the token is too long or has control characters")));
    let meta = ask(Some("t"), Some("a\nb")).await;
    assert_eq!(meta, Err(no("Bad request: meta is too long or has control characters")));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_status_decides_before_the_body_is_read() {
    for body in ["", "<h1>no</h1>", "{\"error\":1}", "[\"user_1\"]"] {
        assert_eq!(told(Reply::json(401, body)).await, no("Authentication failed"), "{body}");
        for status in [201, 202, 302, 304, 400, 403, 404] {
            let expected = no(&format!("Auth {status} error"));
            let body = if status == 304 { "" } else { body };
            assert_eq!(told(Reply::json(status, body)).await, expected, "{body}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(told(Reply::json(status, body)).await, down(&format!("answered {status}")), "{body}");
        }
    }
    let endless = b"HTTP/1.1 403 X\r\ncontent-length: 99\r\n\r\n".to_vec();
    assert_eq!(told(Reply::Raw(endless)).await, no("Auth 403 error"));
}

#[tokio::test]
async fn a_200_that_is_no_list_of_rooms_is_the_sites_fault() {
    for body in ["", "null", "{}", "\"user_1\"", "17", "[1]", "[\"user_1\",null]", "[[]]", "<html>", "[\"a\""]
    {
        let expected = down("gave an answer that is not a list of rooms");
        assert_eq!(told(Reply::json(200, body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn an_empty_list_is_for_the_gateway_to_judge() {
    let server = SiteServer::start(|_, _| Reply::json(200, "[]")).await;
    assert_eq!(ask(&webservice(), &Arc::new(site(&server)), "t").await, Ok(vec![]));
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let expected = down("gave an answer that is too long");
    let told_so = b"HTTP/1.1 200 X\r\ncontent-length: 1048577\r\n\r\n[".to_vec();
    assert_eq!(told(Reply::Raw(told_so)).await, expected);
    let mut endless = b"HTTP/1.1 200 X\r\n\r\n[".to_vec();
    endless.resize(endless.len() + (1 << 20), b' ');
    assert_eq!(told(Reply::Raw(endless)).await, expected);
}

#[tokio::test]
async fn an_answer_of_just_the_limit_is_read() {
    let mut body = b"[\"user_1\"]".to_vec();
    body.resize(1 << 20, b' ');
    let server = SiteServer::start(move |_, _| Reply::Answer(200, String::new(), body.clone())).await;
    assert_eq!(ask(&webservice(), &Arc::new(site(&server)), "t").await, Ok(vec!["user_1".to_owned()]));
}

#[tokio::test]
async fn a_site_that_breaks_off_is_asked_twice_and_then_down() {
    let server = SiteServer::start(|_, _| Reply::Close).await;
    let refusal = ask(&webservice(), &Arc::new(site(&server)), "t").await;
    assert_eq!(refusal, Err(down("broke off its answer")));
    assert_eq!(server.seen().len(), 2);
    let server = SiteServer::start(|_, before| match before {
        0 => Reply::Close,
        _ => Reply::json(200, "[\"user_1\"]"),
    })
    .await;
    assert_eq!(ask(&webservice(), &Arc::new(site(&server)), "t").await, Ok(vec!["user_1".to_owned()]));
    let cut = b"HTTP/1.1 200 X\r\ncontent-length: 99\r\n\r\n[\"user_1\"".to_vec();
    assert_eq!(told(Reply::Raw(cut)).await, down("broke off its answer"));
    assert_eq!(told(Reply::Raw(b"SSH-2.0-x\r\n".to_vec())).await, down("broke off its answer"));
}

#[tokio::test]
async fn a_site_that_cannot_be_reached_is_down_and_named_to_nobody() {
    let server = SiteServer::start(|_, _| Reply::Never).await;
    let (mut tls, mut name, mut nobody) = (site(&server), site(&server), site(&server));
    tls.webservice_mut().unwrap().auth_url = server.url("/auth").replace("http:", "https:");
    // No label is that long: the resolver fails without asking anybody.
    name.webservice_mut().unwrap().auth_url = format!("http://{}.invalid/auth", "x".repeat(64));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    nobody.webservice_mut().unwrap().auth_url = format!("http://{free}/auth");
    let webservice = webservice();
    for site in [tls, name, nobody] {
        let url = site.webservice().unwrap().auth_url.clone();
        let refusal = ask(&webservice, &Arc::new(site), "t").await;
        assert_eq!(refusal, Err(down("cannot be reached")), "{url}");
    }
}
